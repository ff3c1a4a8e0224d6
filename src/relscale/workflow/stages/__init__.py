"""The stages of the workflow, each with the inputs and the dependencies of its rules."""
