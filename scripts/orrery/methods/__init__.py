"""The methods of `orrery.reducers`, a module for each family: vectors in, (arrays, facts) out."""
