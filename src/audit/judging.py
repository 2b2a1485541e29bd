"""What heads say of a tree: whether they are signed, and whether they were signed for these leaves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from drumbeat.audit.heads import SignedHead
from drumbeat.audit.verdict import Finding, Kind


@dataclass(slots=True)
class Heads:
    """The heads to compare with, by size, and what is wrong with others."""

    by_size: dict[int, list[SignedHead]] = field(default_factory=dict)
    rejected: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, stored: Sequence[SignedHead], kept: Sequence[SignedHead], public_key: bytes | None) -> "Heads":
        """Heads that this key has signed, or without one their own; the others are rejected."""
        made, rejected = cls(), []
        for head in dict.fromkeys((*kept, *stored)):
            if head.is_signed_by(public_key or head.public_key):
                made.by_size.setdefault(head.tree_size, []).append(head)
            else:
                words = f"the head of {head.tree_size:,} leaves is not signed by the key"
                rejected.append(Finding(Kind.HEAD_NOT_SIGNED, None, None, words))
        made.rejected = tuple(rejected)
        return made


@dataclass(frozen=True, slots=True)
class Judgement:
    """`proven`: the events up to this leaf are those that were signed, whatever the tree says.

    `differs` is the first head that neither events nor tree fit, `fitting` the size of the last one before it that
    they fit; `greatest` the size of the greatest head.
    """

    proven: int
    fitting: int
    differs: SignedHead | None
    greatest: int

    def blamed(self, one: Finding) -> Finding:
        """A difference between log and tree, laid at the tree's door where heads speak for the log."""
        if one.leaf is None or one.leaf >= self.proven:
            return one
        words = f"leaf {one.leaf:,} was changed in the tree; the log gives the root that was signed"
        return replace(one, kind=Kind.TREE_DAMAGED, words=words)

    def findings(self, size: int) -> Iterator[Finding]:
        """What heads say of a tree of this size."""
        if self.differs is not None:
            signed = self.differs.head
            words = (
                f"the root signed for {signed.tree_size:,} leaves at {signed.timestamp_ms} ms is another: "
                f"events and tree were changed together, from leaf {self.fitting:,} to {signed.tree_size - 1:,}"
            )
            yield Finding(Kind.HEAD_DIFFERS, self.fitting, None, words)
        if self.greatest > size:
            words = (
                f"a head was signed for {self.greatest:,} leaves, and the tree has {size:,}: "
                f"{self.greatest - size:,} were cut off"
            )
            yield Finding(Kind.CUT_OFF, size, None, words)


def judge(heads: Heads, of_tree: Mapping[int, bytes], of_log: Mapping[int, bytes]) -> tuple[int, Judgement]:
    """How many heads agree with the tree, and what follows from all.

    `of_tree` and `of_log` are roots by size; the log's are there where it differs from the tree.
    """
    agreeing = proven = fitting = 0
    differs: SignedHead | None = None
    for size, signed in sorted(heads.by_size.items()):
        for head in signed:
            root = head.head.root_hash
            agreeing += root == of_tree.get(size)
            proven = size if root == of_log.get(size) else proven
            fits = root in {of_tree.get(size), of_log.get(size)}
            if differs is None and not fits and size in of_tree:
                differs = head
        fitting = size if differs is None else fitting
    return agreeing, Judgement(proven, fitting, differs, max(heads.by_size, default=0))
