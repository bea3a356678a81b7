//! A search for settings, on subjects that the study does not report.
//!
//! Settings that were chosen on a subject fit that subject, and later scores on it overrate the method. So the subjects
//! of a search are named in the study file, and a study that reports one of them is refused.

use crate::config::{Forget, UnlearnConfig, VariantConfig, bad, one_seed};
use crate::{StudyConfig, StudyError, Variant};
use lacuna_cohort::SubjectId;
use lacuna_seed::Seed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The `[search]` table of a study file: the settings to try, and the subjects to try them on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchConfig {
    /// The subjects to forget while settings are chosen. They are trained on, never held out, and in no table of the
    /// study.
    pub subjects: Vec<SubjectId>,
    /// The seeds of the search, instead of the study's.
    #[serde(default = "one_seed")]
    pub seeds: Vec<u64>,
    /// The settings to try, one space for each strategy.
    pub spaces: Vec<SpaceConfig>,
}

/// The settings to try of one strategy: every combination of the values of some keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpaceConfig {
    /// A named strategy, or a new name, in which case recipe and grid are the whole recipe.
    pub strategy: String,
    /// The recipe keys that all combinations share.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    #[schemars(with = "lacuna_unlearn::Recipe")]
    pub recipe: toml::Table,
    /// The values to try of each key.
    #[schemars(with = "BTreeMap<String, Vec<serde_json::Value>>")]
    pub grid: BTreeMap<String, Vec<toml::Value>>,
    /// The horizons of this space, instead of the study's; settings are ranked at each horizon separately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<Vec<usize>>,
    /// The largest number of combinations to try; if there are more, this many are drawn at random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials_max: Option<usize>,
}

/// The largest number of combinations of one space, before any are drawn.
const COMBINATIONS_MAX: usize = 100_000;

impl StudyConfig {
    /// The search as a study of its own.
    ///
    /// # Errors
    /// If the study has no `[search]` table.
    pub fn searching(&self) -> Result<StudyConfig, StudyError> {
        let Some(search) = &self.search else {
            return Err(bad("search", "a [search] with subjects and spaces", "none"));
        };
        let variants = search.variants()?;
        let mut study = self.clone();
        study.name = format!("{}-search", self.name);
        study.seeds = search.seeds.clone();
        study.split.forget = Forget::Only(search.subjects.clone());
        study.unlearn = UnlearnConfig { strategies: Some(Vec::new()), variants, ..self.unlearn.clone() };
        study.search = None;
        study.checked()
    }

    /// Checks that no subject of the search is reported or held out by the study.
    pub(crate) fn check_search(&self) -> Result<(), StudyError> {
        let Some(search) = &self.search else { return Ok(()) };
        let Forget::Only(reported) = &self.split.forget else {
            let expected = "the subjects that the study reports, by name, so that none of the search is among them";
            return Err(bad("split.forget.only", expected, "each"));
        };
        let chosen_on: BTreeSet<_> = search.subjects.iter().collect();
        if let Some(both) = reported.iter().find(|subject| chosen_on.contains(subject)) {
            let expected = "no subject that split.forget reports";
            return Err(bad("search.subjects", expected, &both.to_string()));
        }
        if let Some(both) = self.split.held_out_subjects.iter().find(|subject| chosen_on.contains(subject)) {
            return Err(bad("search.subjects", "no held-out subject", &both.to_string()));
        }
        self.searching().map(|_| ())
    }
}

impl SearchConfig {
    /// The settings to try.
    fn variants(&self) -> Result<Vec<VariantConfig>, StudyError> {
        if self.spaces.is_empty() {
            return Err(bad("search.spaces", "at least one", "none"));
        }
        Ok(self.spaces.iter().map(SpaceConfig::variants).collect::<Result<Vec<_>, _>>()?.concat())
    }
}

impl SpaceConfig {
    fn variants(&self) -> Result<Vec<VariantConfig>, StudyError> {
        if let Some((key, _)) = self.grid.iter().find(|(_, values)| values.is_empty()) {
            return Err(bad(&format!("search.spaces.grid.{key}"), "at least one value", "none"));
        }
        let count = self.grid.values().try_fold(1_usize, |count, values| count.checked_mul(values.len()));
        let Some(count) = count.filter(|&count| count <= COMBINATIONS_MAX) else {
            let expected = format!("at most {COMBINATIONS_MAX} combinations");
            return Err(bad("search.spaces.grid", &expected, "more"));
        };
        let of = |index| {
            let mut recipe = self.recipe.clone();
            recipe.extend(self.combination(index));
            VariantConfig { strategy: self.strategy.clone(), recipe, epochs: self.epochs.clone() }
        };
        Ok(self.indices(count).into_iter().map(of).collect())
    }

    /// The indices of the combinations to try, in order: all, or `trials_max` that are drawn from a fixed stream.
    fn indices(&self, count: usize) -> Vec<usize> {
        let most = self.trials_max.unwrap_or(count);
        let stream = Seed(0).stream("search").part(&self.strategy);
        let mut indices: Vec<usize> = (0..count).collect();
        if most < count {
            let draw = |index: &usize| stream.part(&index.to_string()).draws().uniform();
            indices.sort_by(|one, two| draw(one).total_cmp(&draw(two)));
            indices.truncate(most);
            indices.sort_unstable();
        }
        indices
    }

    /// The combination with this index; the last key varies fastest.
    fn combination(&self, mut index: usize) -> toml::Table {
        let mut values = toml::Table::new();
        for (key, choices) in self.grid.iter().rev() {
            values.insert(key.clone(), choices[index % choices.len()].clone());
            index /= choices.len();
        }
        values
    }
}

/// The setting that a row names, with the one horizon at which it was ranked first.
///
/// # Errors
/// [`StudyError`] if the study has no such setting.
pub fn chosen(
    study: &StudyConfig,
    strategy: &str,
    differences: &str,
    epochs: usize,
) -> Result<VariantConfig, StudyError> {
    for variant in &study.unlearn.variants {
        let horizons = variant.epochs.as_ref().unwrap_or(&study.unlearn.epochs);
        let mut keys = study.unlearn.recipe.clone();
        keys.extend(variant.recipe.clone());
        let named = Variant::new(&variant.strategy, &keys, horizons)?;
        if (named.strategy.as_str(), named.differences.as_str()) == (strategy, differences) {
            return Ok(VariantConfig { strategy: named.strategy, recipe: keys, epochs: Some(vec![epochs]) });
        }
    }
    Err(bad("search.spaces", "the setting that was ranked first", &format!("none named {strategy} {differences}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STUDY: &str = r#"
        name = "small"
        data = { root = "data", labels = "tissue" }
        preprocess = { kind = "canonical", size = [16, 16, 16], crop = "none", foreground = "all-voxels" }
        network = { depth = 10 }
        [split]
        held_out_subjects = ["h"]
        forget = { only = ["a", "b"] }
        [search]
        subjects = ["c"]
        [[search.spaces]]
        strategy = "noisy-label"
        recipe = { batch_norm = "running" }
        epochs = [3]
        grid = { learning_rate = [2e-3, 1e-2], retain_weight = [0.5, 1.0, 2.0] }
    "#;

    fn study(replace: (&str, &str)) -> Result<StudyConfig, StudyError> {
        StudyConfig::from_toml(&STUDY.replace(replace.0, replace.1)).unwrap().checked()
    }

    #[test]
    fn every_combination_is_tried_on_the_subjects_of_the_search_alone() {
        let search = study(("", "")).unwrap().searching().unwrap();
        assert_eq!(search.name, "small-search");
        assert_eq!(search.split.forget, Forget::Only(vec![SubjectId::new("c").unwrap()]));
        let tried: Vec<String> =
            Variant::all(&search.unlearn).unwrap().into_iter().map(|one| one.differences).collect();
        assert_eq!(tried.len(), 6);
        assert_eq!(tried[1], "batch_norm=running; learning_rate=0.002");
        assert_eq!(tried[5], "batch_norm=running; learning_rate=0.01; retain_weight=2.0");
        assert!(search.searching().unwrap_err().to_string().contains("[search]"));
    }

    #[test]
    fn of_a_large_grid_some_are_drawn_always_the_same() {
        let drawn = |most: usize| {
            let more = format!("epochs = [3]\n        trials_max = {most}");
            study(("epochs = [3]", &more)).unwrap().searching().unwrap().unlearn.variants
        };
        let all = study(("", "")).unwrap().searching().unwrap().unlearn.variants;
        assert_eq!((drawn(4).len(), drawn(4)), (4, drawn(4)));
        assert!(drawn(4).iter().all(|variant| all.contains(variant)));
        assert_eq!(drawn(99), all);
        assert!(drawn(3).iter().all(|variant| drawn(4).contains(variant)), "fewer are some of more");
    }

    #[test]
    fn nobody_is_reported_on_whom_settings_were_chosen() {
        let refused = |replace| study(replace).unwrap_err().to_string();
        let message = refused((r#"subjects = ["c"]"#, r#"subjects = ["b"]"#));
        assert_eq!(message, "search.subjects: expected no subject that split.forget reports, found b");
        let message = refused((r#"subjects = ["c"]"#, r#"subjects = ["h"]"#));
        assert_eq!(message, "search.subjects: expected no held-out subject, found h");
        let message = refused((r#"forget = { only = ["a", "b"] }"#, ""));
        assert!(message.starts_with("split.forget.only: expected the subjects that the study reports"), "{message}");
        let message = refused(("[2e-3, 1e-2]", "[]"));
        assert_eq!(message, "search.spaces.grid.learning_rate: expected at least one value, found none");
    }

    #[test]
    fn the_setting_of_a_row_is_found_again() {
        let search = study(("", "")).unwrap().searching().unwrap();
        let found = chosen(&search, "noisy-label", "batch_norm=running; learning_rate=0.002", 3).unwrap();
        let variant = Variant::new(&found.strategy, &found.recipe, &[3]).unwrap();
        assert_eq!(variant.differences, "batch_norm=running; learning_rate=0.002");
        assert!(chosen(&search, "noisy-label", "learning_rate=5.0", 3).is_err());
    }
}
