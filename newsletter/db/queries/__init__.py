"""Every statement of the product as a named function, by noun. Each takes the session first."""
