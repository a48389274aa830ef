"""The verbs of Synapse; every door calls these."""
