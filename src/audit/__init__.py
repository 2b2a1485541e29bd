"""Tamper evidence: a Merkle tree that follows the log, signed heads, proofs, and the check of all."""
