"""The types of the JSON API by concept: they are the contract, and OpenAPI is made from them."""
