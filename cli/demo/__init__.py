"""`guerdon demo`: the product's main job, from sign-up to the finance summary, over HTTP."""
