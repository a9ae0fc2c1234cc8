"""Queries that answer the API. They read; nothing here changes a fact."""
