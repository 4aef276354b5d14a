"""Merge several studies into one: the column ``study`` says which trial is from which."""

from collections import Counter

import pandas as pd

from analysis.reading.parameters import flatten
from analysis.reading.study_folder import LoadedStudy
from analysis.reading.tables import NULLABLE, NULLABLE_SHARE, Tables, typed

HASH = "inventory_hash"


def merge_studies(sources: list[LoadedStudy]) -> Tables:
    """Return the tables of *sources* as those of one study.

    A parameter that a study did not sample has, in its trials, the value of their configuration, so that they can be
    compared with those of a study that did. It stays missing where no record holds it, and where it belongs to one
    branch of a choice and the configuration does not set it. Trials of different data (inventory hash) never share a
    block. Where two trials have the same name, all are renamed to ``study/trial``. A default configuration is kept if
    all studies share it; a confirmation merged with other studies no longer counts as one.
    """
    sources = _of_experiments(sources)
    if len(sources) == 1:
        return sources[0].tables
    sources = _named_apart(sources)
    parameters = tuple(dict.fromkeys(name for source in sources for name in source.tables.parameters))
    branches = frozenset[str]().union(*(source.conditional for source in sources))
    tables = [source.tables for source in sources]
    trials = _stack([_filled(source, parameters, branches) for source in sources], NULLABLE)
    untyped = ("images", "curves", "left_out", "confusion", "threshold_curves")
    types = {"classes": NULLABLE_SHARE} | {name: {} for name in untyped}
    several_data = trials[HASH].nunique() > 1
    defaults = [each.default for each in tables]
    return Tables(
        trials=trials,
        **{name: _stack([getattr(each, name) for each in tables], kinds) for name, kinds in types.items()},
        parameters=parameters,
        study=" + ".join(each.study for each in tables),
        confirmation=None,
        block=(HASH, "seed", "fold") if several_data else ("seed", "fold"),
        default=defaults[0] if all(default == defaults[0] for default in defaults) else None,
    )


def _of_experiments(sources: list[LoadedStudy]) -> list[LoadedStudy]:
    """Return *sources* with each experiment's database put into the study's folder of the same experiment."""
    folders = [source for source in sources if source.experiment is None]
    alone = []
    for database in (source for source in sources if source.experiment is not None):
        ends = f"-{database.experiment}"
        home = next((i for i, folder in enumerate(folders) if folder.tables.study.endswith(ends)), None)
        if home is None:
            alone.append(database)
        else:
            folders[home] = _completed(folders[home], database)
    return [*folders, *alone]


def _completed(folder: LoadedStudy, database: LoadedStudy) -> LoadedStudy:
    """Return the study in *folder* with those trials of its experiment's *database* that left no record."""
    records, rest = folder.tables, database.tables
    new = set(rest.trials["trial"]) - set(records.trials["trial"])
    if not new:
        return folder
    only = {name: table[table["trial"].isin(new)] for name, table in rest._asdict().items() if name in _LONG}
    only["trials"] = only["trials"].assign(study=records.study)
    stacked = {name: _stack([getattr(records, name), table], _LONG[name]) for name, table in only.items()}
    parameters = tuple(dict.fromkeys([*records.parameters, *rest.parameters]))
    stacked["trials"] = _hashes_of_records(stacked["trials"], parameters, set(records.trials["trial"]))
    tables = records._replace(**stacked, parameters=parameters)
    return LoadedStudy(tables, folder.configs, folder.conditional | database.conditional)


_LONG = {
    "trials": NULLABLE | {"seed": "Int64", "fold": "Int64"},
    "classes": NULLABLE_SHARE,
    "curves": {},
    "left_out": {},
}


def _hashes_of_records(trials: pd.DataFrame, parameters: tuple[str, ...], recorded: set[str]) -> pd.DataFrame:
    """Give a trial without a record the hash of a recorded trial with the same parameters: same configuration."""
    keys = pd.Series([tuple(map(str, row)) for row in trials[list(parameters)].itertuples(index=False)], trials.index)
    known = trials["trial"].isin(recorded)
    hashes = dict(zip(keys[known], trials.loc[known, "config_hash"], strict=True))
    return trials.assign(config_hash=trials["config_hash"].where(known, keys.map(hashes).fillna(trials["config_hash"])))


def _filled(source: LoadedStudy, parameters: tuple[str, ...], branches: frozenset[str]) -> pd.DataFrame:
    """Return the trials of *source* with a column for each of *parameters*, from the configurations of its records."""
    trials = source.tables.trials
    flat = {trial: flatten(config) for trial, config in source.configs.items()}
    new = {}
    for name in parameters:
        if name not in source.tables.parameters:
            values = pd.Series([flat.get(trial, {}).get(name) for trial in trials["trial"]], trials.index, dtype=object)
            # A null of a branch's parameter means that the branch is another one.
            new[name] = values.where(values.ne("null"), None) if name in branches else values
    return trials.assign(**{name: values.infer_objects() for name, values in new.items()})


def _named_apart(sources: list[LoadedStudy]) -> list[LoadedStudy]:
    """Return *sources* with unique names of studies and of trials."""
    names = Counter[str]()
    renamed = []
    for source in sources:
        names[source.tables.study] += 1
        count = names[source.tables.study]
        name = source.tables.study if count == 1 else f"{source.tables.study} ({count})"
        trials = source.tables.trials.assign(study=name)
        renamed.append(source._replace(tables=source.tables._replace(study=name, trials=trials)))
    met = Counter(trial for source in renamed for trial in source.tables.trials["trial"])
    if met and max(met.values()) > 1:
        renamed = [_prefixed(source) for source in renamed]
    return [_with_files_of_study(source) for source in renamed]


def _prefixed(source: LoadedStudy) -> LoadedStudy:
    tables, prefix = source.tables, f"{source.tables.study}/"
    named = {}
    for name in ("trials", "classes", "images", "curves", "left_out", "confusion", "threshold_curves"):
        table: pd.DataFrame = getattr(tables, name)
        trial = table["trial"]
        if isinstance(trial.dtype, pd.CategoricalDtype):
            named[name] = table.assign(trial=trial.cat.rename_categories(lambda text: prefix + str(text)))
        else:
            named[name] = table.assign(trial=trial.where(trial == "", prefix + trial.astype(str)))
    configs = {prefix + trial: config for trial, config in source.configs.items()}
    return source._replace(tables=tables._replace(**named), configs=configs)


def _with_files_of_study(source: LoadedStudy) -> LoadedStudy:
    """Put the study's name before files that were left out and belong to no single trial."""
    table, study = source.tables.left_out, source.tables.study
    file = table["file"].astype(str)
    left_out = table.assign(file=file.where(table["trial"] != "", f"{study}/" + file))
    return source._replace(tables=source.tables._replace(left_out=left_out))


def _stack(parts: list[pd.DataFrame], types: dict[str, str]) -> pd.DataFrame:
    """Concatenate *parts*; columns that are categories in all of them stay categories."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return parts[0]
    category = lambda part, name: name in part and isinstance(part[name].dtype, pd.CategoricalDtype)  # noqa: E731
    shared = [name for name in filled[0] if all(category(part, name) for part in filled)]
    unions = {name: pd.Index([]).append([part[name].cat.categories for part in filled]).unique() for name in shared}
    alike = [part.assign(**{n: part[n].cat.set_categories(c) for n, c in unions.items()}) for part in filled]
    return typed(pd.concat(alike, ignore_index=True), types)
