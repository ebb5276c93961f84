"""The study file that ``clr-ref study --example`` prints."""

EXAMPLE = """\
# What is trained: "tutorial", or a function that takes no arguments, "package.module:make" or "file.py:make" beside this file.
# It returns (model, (x, y)), (model, dataset) or (model, data, validation data). models = [...] trains several.
model = "tutorial"

seeds = 8          # 0 .. 7; or a list. A seed gives all arms the same initial weights and batches.
epochs = 4
batch_size = 64
subset = 6400      # train on the first samples only; leave it out for all

# validation = 0.2               # the share of the data, at its end, that is measured with if make returns none
# loss = "mse"                   # of a model that is not compiled

# An arm is one way to train. A list of values stands for an arm of each: learning_rate = [0.01, 0.03, 0.1]
[arms.plain]
learning_rate = 0.01             # or "model": the optimizer and the schedule of the compiled model

[arms.clr]
policy = "triangular2"           # or "triangular", "exp_range" (which takes gamma)
initial_learning_rate = 1e-3
maximal_learning_rate = 1e-1
step_size = 200                  # steps from the initial to the maximal rate; step_size_down, if the way down differs

[arms.from_range_test]
policy = "triangular2"
bounds = "range-test"            # each seed's own range test chooses them
step_size = 200

[arms.adam]
learning_rate = 1e-3
optimizer = "adam"               # default: that of the compiled model, else "sgd"; or a table with arguments:
# [arms.adam.optimizer]
# name = "adam"
# beta_1 = 0.8

# The range tests of the arms with bounds = "range-test".
[range_test]
steps = 200
minimal_learning_rate = 1e-4
maximal_learning_rate = 10.0
"""
