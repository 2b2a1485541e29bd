"""Checks answers of /audit/proofs without Drumbeat: python check_proof.py PUBLIC_KEY FILE… (audit.md)."""

import json
import struct
import sys
from base64 import b64decode
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def leaf_hash(position, raw):
    return sha256(struct.pack(">BQ", 0, position) + raw).digest()


def node_hash(left, right):
    return sha256(b"\x01" + left + right).digest()


def root_of(leaves):  # of a whole log, from the hashes of all its leaves: RFC 9162, 2.1.1
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(root_of(leaves[:half]), root_of(leaves[half:]))


def is_signed(head, public_key):  # the TreeHeadSignature of RFC 6962, 3.5, by Ed25519
    root, signature = b64decode(head["sha256_root_hash"]), b64decode(head["tree_head_signature"])
    told = struct.pack(">BBQQ32s", 0, 1, head["timestamp"], head["tree_size"], root)
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, told)
    except InvalidSignature:
        return False
    return True


def climb(at, last, path, was, now):  # from leaf `at` of `last` + 1 to the roots: RFC 9162, 2.1.3.2 and 2.1.4.2
    for beside in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            was, now = node_hash(beside, was), node_hash(beside, now)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            now = node_hash(now, beside)
        at, last = at >> 1, last >> 1
    return (was, now) if last == 0 else None


def is_included(answer):
    leaf, at, head = (
        leaf_hash(answer["position"], b64decode(answer["bytes"])),
        answer["leaf_index"],
        answer["head"],
    )
    roots = climb(at, head["tree_size"] - 1, map(b64decode, answer["audit_path"]), leaf, leaf)
    return 0 <= at < head["tree_size"] and roots is not None and roots[1] == b64decode(head["sha256_root_hash"])


def is_consistent(answer):
    old, new = (b64decode(answer[name]["sha256_root_hash"]) for name in ("first", "second"))
    at, last = (answer[name]["tree_size"] - 1 for name in ("first", "second"))
    path = [b64decode(one) for one in answer["consistency"]]
    if at >= last:
        return at == last and old == new and not path
    path = path if at & (at + 1) else [old, *path]
    while at & 1:
        at, last = at >> 1, last >> 1
    return bool(path) and climb(at, last, path[1:], path[0], path[0]) == (old, new)


def is_right(answer, public_key):
    heads = [answer[name] for name in ("head", "first", "second") if name in answer]
    proven = is_included(answer) if "audit_path" in answer else is_consistent(answer)
    return proven and all(is_signed(head, public_key) for head in heads)


if __name__ == "__main__":
    key, failed = b64decode(sys.argv[1]), False
    for name in sys.argv[2:]:
        with open(name, encoding="utf-8") as file:
            right = is_right(json.load(file), key)
        print(f"{name}: {'proven' if right else 'NOT PROVEN'}")
        failed = failed or not right
    sys.exit(1 if failed else 0)
