"""Variants of the recipe: each does what it says, trains, and goes where it can."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")

from commands import run  # noqa: E402
from training.conftest import rendered  # noqa: E402

from tracker.detection.code import CODE, IDENTITY, RESIDUAL  # noqa: E402
from tracker.detection.crop import CROP, ROI, apply, roll_of, scale_of  # noqa: E402
from tracker.errors import ModelError  # noqa: E402
from tracker.training import asl  # noqa: E402
from tracker.training.ablation import ABLATIONS, Ablation, ablate, run_folder  # noqa: E402
from tracker.training.ablation_report import last_round, write_report  # noqa: E402
from tracker.training.augment import Jitter, Sampler  # noqa: E402
from tracker.training.batches import Batch, _Stream  # noqa: E402
from tracker.training.export import export, load_checkpoint  # noqa: E402
from tracker.training.lift_table import Lifted, write_lifted  # noqa: E402
from tracker.training.network import SIZES, Model  # noqa: E402
from tracker.training.packs import SLICES, Rows  # noqa: E402
from tracker.training.train import TrainConfig, _Run, train  # noqa: E402
from tracker.training.units import Branched, merged  # noqa: E402
from tracker.training.validate import cropped, jittered, placed  # noqa: E402
from tracker.training.variants import Variant  # noqa: E402


@pytest.fixture(scope="module")
def packs(data: Path) -> Path:
    """The folder of the made pack, and one that looks like the calibration images beside it."""
    rng = np.random.default_rng(5)
    angles = [(0.0, float(yaw), 0.0) for yaw in np.linspace(-70, 70, 8)]
    made = [rendered(yaw, rng) for _, yaw, _ in angles]
    columns = {
        "name": [f"cal/{i}" for i in range(8)],
        "image": [m[0] for m in made],
        "pts68_3d": [m[2].ravel() for m in made],
        "pts68_original": [m[2][:, :2].ravel() for m in made],
        "pts68_reannotated": [m[2][:, :2].ravel() for m in made],
        "pose": [np.array(a, np.float32) for a in angles],
        "fold": ["train", "validate"] * 4,
    }
    pq.write_table(pa.table(columns), data / "aflw2000_calibration.parquet")
    return data


@pytest.fixture(scope="module")
def fits(rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fits of the made pack, all of them 3 px further right than the teacher."""
    n, points = len(rows), np.zeros((len(rows), 68, 3), np.float32)
    points[..., :2], points[..., 2] = rows.points[:, SLICES["tddfa68"]] + (3, 0), rows.depth
    lifted = Lifted(
        name=rows.name, pack=rows.pack, rotation=rows.rotation, centre=np.zeros((n, 2), np.float32),
        scale=np.ones(n, np.float32), nearness=np.ones(n, np.float32), identity=np.zeros((n, 40), np.float32),
        expression=np.full((n, 52), 0.1, np.float32), aflw2000_68=points, tddfa68=points, merl68=points,
        residuals=np.zeros((n, 6), np.float32), kept=np.ones((n, 6), np.float32), quality=np.ones(n, np.float32),
        good=np.ones(n, bool),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("fits") / "fits.parquet"
    write_lifted(path, lifted, {})
    return path


@pytest.fixture(scope="module")
def batch(rows: Rows) -> Batch:
    """A batch of regions."""
    return _Stream(Sampler(rows.take(rows.trainable), []), 6, 1, 0).batch(0)


def begun(folder: Path, variant: Variant, size: str = "fast") -> _Run:
    return _Run(TrainConfig(data="", out=str(folder), size=size, variant=variant), folder)


def random_code(seed: int) -> torch.Tensor:
    code = torch.randn((1, CODE), generator=torch.Generator().manual_seed(seed)) * 0.3
    code[:, :6] += torch.tensor([1.0, 0, 0, 0, -1, 0])
    return code


@pytest.mark.parametrize("ablation", ABLATIONS, ids=[a.name for a in ABLATIONS])
def test_each_variant_trains_two_steps_and_loads(ablation: Ablation, rows: Rows, fits: Path, tmp_path: Path) -> None:
    changes = {k: v for k, v in ablation.changes.items() if k != "packs"}
    settings = {"size": "fast"} | changes | {"lifted": str(fits) if ablation.lifted else None}
    config = TrainConfig(
        data="", out=str(tmp_path), packs=("fairface",), images=6, batch=3, workers=0, mining=False, **settings
    )
    first = _Run(config, tmp_path).model.state_dict()
    model, saved = load_checkpoint(train(config, rows.take(rows.trainable)))
    assert saved["step"] == 2
    assert set(model.state_dict()) == set(first)
    changed = {name.split(".")[0] for name, v in model.state_dict().items() if not torch.equal(v, first[name])}
    assert {"landmarks", "field"} <= changed
    if config.variant.critic:
        assert "critic" in changed
    if config.variant.bending:
        assert "bending" in changed


def test_the_recipe_has_no_parts_of_its_variants() -> None:
    assert Variant().runs
    assert {name.split(".")[0] for name in Model(SIZES["fast"]).state_dict()} == {"landmarks", "normalizer", "field"}


@pytest.mark.parametrize("size", ["fast, separable", "fast, branched"])
def test_the_other_trunks_with_a_maps_channel_are_exported(size: str, tmp_path: Path) -> None:
    run = begun(tmp_path, Variant(shown=True, critic=True), size)
    assert max(export(run.save(), tmp_path / "model").values()) < 5e-3


def test_branches_are_one_convolution_when_they_run() -> None:
    unit = Branched(5, 7, 2)
    for _ in range(3):
        unit(torch.randn(4, 5, 9, 9) * 3 + 1)  # the norms see something
    picture = torch.randn(2, 5, 9, 9)
    one = merged(torch.nn.Sequential(unit.eval()))[0]
    assert isinstance(one, torch.nn.Conv2d)
    assert torch.allclose(one(picture), unit(picture), atol=1e-5)


@pytest.mark.parametrize("variant", [Variant(semantics=False), Variant(bending=True)])
def test_what_the_tracker_cannot_run_is_not_exported(variant: Variant, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not know"):
        export(begun(tmp_path, variant).save(), tmp_path / "model")


def test_without_semantics_all_sets_of_68_points_lie_at_one_place() -> None:
    said = {}
    for semantics in (True, False):
        torch.manual_seed(0)
        points = Model(SIZES["fast"], Variant(semantics=semantics)).read(random_code(1)).points[0].detach()
        said[semantics] = [
            float((points[SLICES[name]] - points[SLICES["ibug68"]]).abs().max()) for name in ("merl68", "aflw2000_68")
        ]
    assert max(said[False]) < 1e-4
    assert min(said[True]) > 0.05


def test_without_the_normalizer_the_middle_is_cut_and_all_crops_are_as_bad(batch: Batch, tmp_path: Path) -> None:
    run = begun(tmp_path, Variant(normalizer=False))
    terms = run.objective(batch, 0, 0.9)
    assert not {"agreement", "identity", "coverage"} & set(terms)
    torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is None for p in run.model.normalizer.parameters())
    rng = np.random.default_rng(0)
    shifts = [np.abs(Jitter(crops=share).draw(rng, False)[1]).mean() for share in (0.7, 1.0) for _ in range(400)]
    assert np.mean(shifts[400:]) == pytest.approx(np.mean(shifts[:400]) / 0.7, rel=0.1)


def test_terms_that_a_variant_goes_without_are_gone(batch: Batch, tmp_path: Path) -> None:
    all_of_it = begun(tmp_path, Variant()).objective(batch, 0, 0.5)
    without = begun(tmp_path, Variant(without=("depth", "rotation"))).objective(batch, 0, 0.5)
    assert set(all_of_it) - set(without) == {"depth", "rotation"}


def test_lifted_labels_reach_the_run(rows: Rows, fits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fits lie 3 px further right: what the sampler gets does, too, where the variant reads them."""
    seen: list[float] = []

    def catch(sampler: Sampler, *rest: object) -> None:
        seen.append(float(sampler.rows.points[0, SLICES["tddfa68"], 0].mean()))
        raise KeyboardInterrupt

    monkeypatch.setattr("tracker.training.train.batches", catch)
    for lifted in (False, True):
        config = TrainConfig(
            data="", out=str(tmp_path), size="fast", lifted=str(fits), variant=Variant(lifted=lifted), workers=0
        )
        with pytest.raises(KeyboardInterrupt):
            train(config, rows.take(rows.trainable))
    assert seen[1] - seen[0] == pytest.approx(3, abs=1e-3)


def test_the_bent_residual_starts_at_nothing_and_is_not_linear() -> None:
    torch.manual_seed(0)
    model = Model(SIZES["fast"], Variant(bending=True))
    bending = model.bending
    assert bending is not None
    code, model.bending = random_code(2), None
    plain = model.read(code).points
    model.bending = bending
    assert torch.equal(model.read(code).points, plain)
    torch.nn.init.normal_(bending.out.weight)
    face, query = torch.randn(1, bending.face.in_features), torch.randn(5, bending.query.in_features)
    there, back, rest = bending(face, query), bending(-face, query), bending(0 * face, query)
    assert there.shape == (1, 5, 3)
    assert (there + back - 2 * rest).abs().max() > 1e-4
    assert not torch.allclose(model.read(code).points, plain)


def test_a_map_has_a_dot_at_each_landmark_and_none_is_nothing() -> None:
    points = torch.full((2, 68, 2), torch.nan)
    points[0, :3] = torch.tensor([[20.5, 30.5], [80.5, 30.5], [50.5, 90.5]])
    drawn = asl.landmark_map(points)
    assert drawn.shape == (2, 1, CROP, CROP)
    assert drawn[1].abs().max() == 0
    assert drawn[0, 0, 30, 20] == pytest.approx(255, abs=0.1)
    assert drawn[0, 0, 90, 50] == pytest.approx(255, abs=0.1)
    assert drawn[0, 0, 60, 60] < 0.1
    model = Model(SIZES["fast"], Variant(shown=True)).eval()
    picture = torch.rand(1, 3, CROP, CROP) * 255
    empty, mark = torch.zeros(1, 1, CROP, CROP), drawn[:1]
    assert torch.equal(model.landmarks(picture), model.landmarks(torch.cat([picture, empty], 1)))
    assert not torch.equal(model.landmarks(picture), model.landmarks(torch.cat([picture, mark], 1)))


def test_maps_in_training_are_missing_half_the_time_and_near_the_labels(batch: Batch) -> None:
    t = batch.targets
    draws = torch.Generator().manual_seed(0)
    maps = torch.cat([asl.shown(t.points * CROP / 144, t.weights, t.size * CROP / 144, draws) for _ in range(60)])
    there = (maps.amax((1, 2, 3)) > 0).float().mean()
    assert 0.3 < there / (t.weights[:, asl.SHOWN].sum(1) > 0).float().mean() < 0.6


def test_reading_its_own_map_again_is_a_term(batch: Batch, tmp_path: Path) -> None:
    terms = begun(tmp_path, Variant(shown=True, again=True)).objective(batch, 0, 0.5)
    assert {"self", "cycle"} <= set(terms)
    assert all(torch.isfinite(term) for term in terms.values())


def test_the_critic_pushes_the_network_the_other_way() -> None:
    torch.manual_seed(0)
    critic = asl.Critic(92).eval()  # or its norms move between the two calls
    model = Model(SIZES["fast"])
    code = random_code(3).requires_grad_()
    fitted = torch.zeros(1, 92)
    critic.term(model.read(code), fitted, torch.ones(1)).backward()
    turned = code.grad
    again = random_code(3).requires_grad_()
    said = model.read(again)
    torch.relu(1 + critic(torch.cat([said.identity, said.expression], 1))).sum().backward()
    assert turned is not None
    assert again.grad is not None
    part = slice(IDENTITY.start, RESIDUAL.start)
    assert turned[:, part].abs().max() > 0
    assert torch.allclose(turned[:, part], -asl.CRITIC * again.grad[:, part], rtol=1e-3, atol=1e-8)


def test_a_variant_goes_on_from_the_recipes_weights(tmp_path: Path) -> None:
    start = begun(tmp_path / "a", Variant()).save() if (tmp_path / "a").mkdir() is None else tmp_path
    (tmp_path / "b").mkdir()
    config = TrainConfig(data="", out="", size="fast", start=str(start), variant=Variant(shown=True, critic=True))
    picture = torch.rand(1, 3, CROP, CROP) * 255
    recipe, variant = load_checkpoint(start)[0], _Run(config, tmp_path / "b").averaged.eval()
    assert torch.allclose(recipe.landmarks(picture), variant.landmarks(picture), atol=1e-5)
    with pytest.raises(ModelError, match="another shape"):
        _Run(TrainConfig(data="", out="", size="fast, separable", start=str(start)), tmp_path / "b")


def test_regions_are_jittered_within_their_limits_and_cut_where_they_lie(rows: Rows) -> None:
    some = rows.take(np.arange(6))
    moved = jittered(6)
    assert (np.abs(moved) <= (0.15, 0.15, np.log(1.2), np.pi / 6)).all()
    side, middle = (some.box[:, 2:] - some.box[:, :2]).max(1), (some.box[:, :2] + some.box[:, 2:]) / 2
    regions = placed(some.box, moved)
    for i, region in enumerate(regions):
        assert apply(region, np.array([ROI / 2, ROI / 2])) == pytest.approx(
            middle[i] + moved[i, :2] * side[i], abs=1e-3
        )
        assert scale_of(region) * ROI == pytest.approx(1.5 * side[i] * np.exp(moved[i, 2]), rel=1e-5)
        assert roll_of(region) == pytest.approx(moved[i, 3], abs=1e-6)
    model = Model(SIZES["fast"])  # an untrained normalizer cuts the middle
    for mine, plain in zip(*(cropped(model, some, regions, cutting) for cutting in (True, False)), strict=True):
        assert np.allclose(mine, plain, atol=1e-3)


def test_all_variants_have_figures_after_each_round_and_it_goes_on(packs: Path, tmp_path: Path) -> None:
    base = TrainConfig(
        data=str(packs), out=str(tmp_path), size="fast", packs=("fairface", "aflw2000_calibration"), images=24, batch=6
    )
    table = ablate(base, ("recipe", "map"), rounds=2)
    assert [(row["name"], row["images"]) for row in table] == [("recipe", 12), ("map", 12), ("recipe", 24), ("map", 24)]
    assert np.isfinite([row["original"][0] for row in table]).all()
    assert all(row["pose"] > 0 for row in table)
    assert len(table[1]["shown"]) == 5
    assert json.loads((tmp_path / "ablations.json").read_text()) == table
    stamp = (run_folder(tmp_path, "map") / "last.pt").stat().st_mtime_ns
    assert ablate(base, ("recipe", "map"), rounds=2) == table
    assert (run_folder(tmp_path, "map") / "last.pt").stat().st_mtime_ns == stamp
    assert [row["images"] for row in last_round(table[:3])] == [12, 12]
    text = write_report(tmp_path, table)
    assert "| recipe | what ships |" in text
    assert text == (tmp_path / "ablations.md").read_text()
    assert (tmp_path / "ablations.png").stat().st_size > 5000


def test_an_unknown_variant_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ablate", str(tmp_path), "--out", str(tmp_path), "--only", "nonsense") == 2
    assert "no variant 'nonsense'" in capsys.readouterr().err
