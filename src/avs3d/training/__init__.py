"""Training: the parts of a bundle, from prepared data or simulated scans.

`distill` (the 3D network), `smap` (the pooling) and `captioner` (the sentences) are the trainings.
`loop` is the one loop of all three, with `checkpoints`, `journal` (what it says) and `processes`;
`settings` reads what can be set, `running` and `plan` are what the commands do with it, `export`
writes the bundle. Data: `scenes`, `targets`, `augmentation` and `batches` of prepared folders,
`captions`; `samples` and `simulated_*` of simulated scans. `street_mini` is the packaged recipe.
"""
