"""What the steps of a plan do to files: one module a kind."""
