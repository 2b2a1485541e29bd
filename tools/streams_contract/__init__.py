"""Writes what `streams/` says from what the code does: schemas, examples, the AsyncAPI document and its page."""
