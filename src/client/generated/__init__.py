"""What follows from the OpenAPI document: models, words, and a method for each operation.

Made from the OpenAPI document by `make client`; not to be edited.
"""
