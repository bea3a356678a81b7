//! The recipes of a study.

use crate::StudyError;
use crate::config::{UnlearnConfig, VariantConfig};
use lacuna_unlearn::{Recipe, STRATEGIES, UnlearnError, strategy};

/// A recipe under the name of its strategy, with what differs from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The named strategy, or the user's own name.
    pub strategy: String,
    /// `key=value` differences from the named strategy, in the order of the keys; empty if none.
    pub differences: String,
    /// The whole recipe.
    pub recipe: Recipe,
}

impl Variant {
    /// Every run that a study asks for, each once.
    ///
    /// # Errors
    /// An unknown strategy, an unknown key, or a recipe that cannot be run.
    pub fn all(config: &UnlearnConfig) -> Result<Vec<Variant>, StudyError> {
        let named: Vec<String> = match &config.strategies {
            Some(names) => names.clone(),
            None => STRATEGIES.iter().map(|strategy| strategy.name.to_string()).collect(),
        };
        let mut variants: Vec<Variant> = Vec::new();
        for name in named {
            strategy::find(&name)?;
            add(&mut variants, Variant::new(&name, &config.recipe)?);
        }
        for VariantConfig { strategy, recipe } in &config.variants {
            let mut keys = config.recipe.clone();
            keys.extend(recipe.clone());
            add(&mut variants, Variant::new(strategy, &keys)?);
        }
        Ok(variants)
    }

    /// A named strategy with some keys replaced, or a recipe of the user's own under a new name.
    ///
    /// # Errors
    /// An unknown key, or a recipe that cannot be run.
    pub fn new(name: &str, keys: &toml::Table) -> Result<Variant, StudyError> {
        let base = match strategy::find(name) {
            Ok(strategy) => (strategy.recipe)(),
            Err(error) => own_recipe(name, keys, error)?,
        };
        let defaults = to_table(&base);
        let mut merged = defaults.clone();
        merged.extend(keys.clone());
        let recipe = Recipe::from_toml(&toml::to_string(&merged).expect("a table is TOML"))?;
        let merged = to_table(&recipe);
        let differences: Vec<String> = merged
            .iter()
            .filter(|(key, value)| defaults.get(*key) != Some(value))
            .map(|(key, value)| format!("{key}={}", plain(value)))
            .collect();
        Ok(Variant { strategy: name.to_string(), differences: differences.join("; "), recipe })
    }
}

/// A name that is no strategy's needs a recipe with a mechanic of its own; else it is a misspelling.
fn own_recipe(name: &str, keys: &toml::Table, unknown: UnlearnError) -> Result<Recipe, StudyError> {
    let mechanics = ["fix_decoder", "max_loss", "learn_noise", "learn_others"];
    if !mechanics.iter().any(|mechanic| keys.contains_key(*mechanic)) {
        return Err(unknown.into());
    }
    lacuna_report::check_text(name).map_err(|expected| StudyError::BadSetting {
        key: "unlearn.variants.strategy".to_string(),
        expected: expected.to_string(),
        found: name.to_string(),
    })?;
    Ok(Recipe::from_toml(&toml::to_string(keys).expect("a table is TOML"))?)
}

fn add(variants: &mut Vec<Variant>, variant: Variant) {
    if !variants.contains(&variant) {
        variants.push(variant);
    }
}

fn to_table(recipe: &Recipe) -> toml::Table {
    toml::Table::try_from(recipe).expect("a recipe is a TOML table")
}

/// A value as a person writes it, without the quotes of a string.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Table(table) => {
            let inner: Vec<String> = table.iter().map(|(key, value)| format!("{key}:{}", plain(value))).collect();
            inner.join(",")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> toml::Table {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_strategy_as_it_is_differs_in_nothing() {
        for strategy in STRATEGIES {
            let variant = Variant::new(strategy.name, &toml::Table::new()).unwrap();
            assert_eq!(variant.differences, "", "{}", strategy.name);
        }
    }

    #[test]
    fn differences_are_written_key_by_key() {
        let variant = Variant::new("noisy-label", &keys("retain_weight = 0\nnoise = 'uniform'")).unwrap();
        assert_eq!(variant.differences, "noise=uniform; retain_weight=0.0");
    }

    #[test]
    fn the_same_run_asked_for_twice_is_done_once() {
        let config =
            UnlearnConfig { strategies: Some(vec!["max-loss".into(), "max-loss".into()]), ..UnlearnConfig::default() };
        assert_eq!(Variant::all(&config).unwrap().len(), 1);
    }

    #[test]
    fn a_misspelt_strategy_is_refused_and_an_own_recipe_is_not() {
        assert!(Variant::new("noisy-lable", &keys("forget_weight = 2")).is_err());
        let own = Variant::new("mine", &keys("learn_noise = true\nforget_weight = 2")).unwrap();
        assert_eq!((own.recipe.forget_weight, own.differences.as_str()), (2.0, ""));
    }
}
