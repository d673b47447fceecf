"""HTTP: routes, events, problems, middleware, dependencies, OpenAPI."""
