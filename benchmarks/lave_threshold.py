"""Below which similarity a word means no class: what `avs3d.evaluation.mappers.THRESHOLD` rests on.

    python benchmarks/lave_threshold.py

Words of the simulation's lexicon, whose kind of thing is known, are mapped to the 16 classes of
nuScenes by MiniLM. A kind belongs to the class that holds it; kinds that no class holds should be
void. No real scan takes part.
"""

from __future__ import annotations

import numpy as np

from avs3d import labelsets
from avs3d.evaluation.mappers import SimilarityMapper, Targets
from avs3d.simulation.words.lexicon import lexicon
from avs3d.text import load_text_encoder

# Class of nuScenes -> kinds of things that it holds, with commas between.
KINDS = {
    "car": "car, van", "truck": "truck, pickup truck", "bus": "bus", "trailer": "trailer",
    "construction vehicle": "construction vehicle, excavator, crane", "person": "person",
    "bicycle": "bicycle", "motorcycle": "motorcycle", "traffic cone": "traffic cone",
    "barrier": "barrier", "drivable surface": "road", "sidewalk": "sidewalk",
    "terrain": "grass, soil", "vegetation": "tree, bush, hedge, trunk",
    "other flat": "traffic island, curb",
    "manmade": "building, wall, pole, street lamp, traffic sign, fence, bridge, bench, bus stop, "
    "billboard, traffic light, guardrail",
}  # fmt: skip
NO_CLASS = ("dog", "horse", "cow", "deer", "water", "boat", "snow")


def main() -> None:
    labels = labelsets.load("nuscenes-16")
    mapper, targets = SimilarityMapper(load_text_encoder("minilm"), -1.0), Targets.of(labels)
    nouns = lexicon().nouns
    right, similarity = [], []
    for name, kinds in KINDS.items():
        for kind in kinds.split(", "):
            for mapped in mapper.map(nouns[kind], targets):
                right.append(labels.classes[mapped.class_id] == name)
                similarity.append(mapped.similarity)
    foreign = [m.similarity for kind in NO_CLASS for m in mapper.map(nouns[kind], targets)]
    print(
        f"{len(right)} words of a class, {np.mean(right):.2f} nearest to it; {len(foreign)} of none"
    )
    print("threshold    void  right words lost  right of the rest  void of none")
    for threshold in np.arange(0.2, 0.81, 0.05):
        void, hits = np.array(similarity) < threshold, np.array(right)
        print(
            f"{threshold:9.2f}{void.mean():8.2f}{(void & hits).mean():18.2f}"
            f"{hits[~void].mean():19.2f}{np.mean(np.array(foreign) < threshold):14.2f}"
        )


if __name__ == "__main__":
    main()
