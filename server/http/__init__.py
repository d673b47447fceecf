"""HTTP: routes, problems, middleware."""
