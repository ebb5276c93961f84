"""Studies: many seeded runs of models and learning rates, on the cores of this machine or on a Dask cluster."""
