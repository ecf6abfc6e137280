"""You will see twenty random networks ranked in seconds by AZ-NAS, without any training."""

import numpy as np
from torch import nn

from zc_plugins import recipes


def network(widths: list[int]) -> nn.Module:
    """Convolutions of these widths; every second one halves the image."""
    layers: list[nn.Module] = []
    for place, (before, width) in enumerate(zip([3, *widths], widths, strict=False)):
        layers += [
            nn.Conv2d(before, width, 3, stride=1 + place % 2, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 10))


def main() -> None:
    rng = np.random.default_rng(0)
    drawn = [rng.choice([8, 16, 32, 64], size=rng.integers(2, 7)).tolist() for _ in range(20)]

    scorer = recipes.az_nas(input_shape=(3, 32, 32), batch_size=32)
    table = scorer.score([network(widths) for widths in drawn])
    az_nas = scorer.aggregate(table)  # higher is better, relative to the other nineteen

    print(f"{'AZ-NAS':>8}", *(f"{name:>14}" for name in table.proxies), " widths")
    for place in np.argsort(-az_nas):
        scores = (f"{score:14.4g}" for score in table.values[place])
        print(f"{az_nas[place]:8.2f}", *scores, f" {drawn[place]}")


if __name__ == "__main__":
    main()
