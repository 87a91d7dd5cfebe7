"""A plan carried out: models, jobs, processes, what is stored."""
