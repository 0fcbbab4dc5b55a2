"""What stands in a world: one module for each family of shapes; `catalogue` lists them all."""
