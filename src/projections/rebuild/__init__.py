"""Read models made anew beside those that are read, compared with them row by row, and put in their place.

A *generation* is a schema with the tables of some projections. Readers use the views in `live`, which show one
generation of each projection. A *family* is what can only stand at one position together: a projection and those
that sum its rows; it is always in one generation, and is built, goes live, is kept and dropped as a whole.
"""
