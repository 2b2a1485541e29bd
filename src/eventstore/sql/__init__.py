"""Named statements, kept in `.sql` files beside the code that runs them."""

from drumbeat.queries import Queries, load_queries

__all__ = ["Queries", "load_queries"]
