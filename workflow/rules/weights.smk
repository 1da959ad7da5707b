# Weights are not fetched yet: this target is empty, and accuracy is the published one.
# What belongs here: resources/weights/<file>, one job a network, `retries: 2`.


rule weights:
    input:
        [],
