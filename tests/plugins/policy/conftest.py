import json

import pytest


@pytest.fixture
def policy(debrepo_root):
    """Configure rules: ``policy(house={"repo": ["*"], "signed": True})``."""

    def write(**rules):
        debrepo_root.mkdir(exist_ok=True)
        lines = []
        for name, settings in rules.items():
            lines.append(f"[policy.{name}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        (debrepo_root / "debrepo.toml").write_text("\n".join(lines) + "\n")

    return write
