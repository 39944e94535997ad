"""The portal: a Django site that gathers alerts, runs the federated rounds and hosts the analysis desk."""
