# Accuracy is not measured yet: this target is empty, and the tables take the published numbers and
# say so in `accuracy_source`. What belongs here: results/accuracy/<dataset>/<model>.json, one job
# a network, from rules.weights and a data set, as another input of the aggregate rule.


rule accuracy:
    input:
        [],
