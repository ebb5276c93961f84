"""Studies: many seeded runs of models and learning rates, here or on a Dask cluster, and what they show."""
