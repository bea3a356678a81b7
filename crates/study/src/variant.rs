//! The recipes of a study.

use crate::StudyError;
use crate::config::{UnlearnConfig, VariantConfig};
use lacuna_report::{ORIGINAL, RETRAIN};
use lacuna_unlearn::{Recipe, UnlearnError, strategy};
use std::collections::{BTreeMap, BTreeSet};

/// A recipe under the name of its strategy, with what differs from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The named strategy, or the user's own name.
    pub strategy: String,
    /// `key=value` differences from the named strategy, in the order of the keys; empty if none.
    pub differences: String,
    /// The whole recipe.
    pub recipe: Recipe,
    /// After how many epochs it is scored, in order; the last is how long it runs.
    pub horizons: Vec<usize>,
}

impl Variant {
    /// Every run that a study asks for, each once.
    ///
    /// # Errors
    /// An unknown strategy, an unknown key, a recipe that cannot be run, or two recipes under one name.
    pub fn all(config: &UnlearnConfig) -> Result<Vec<Variant>, StudyError> {
        let named: Vec<String> = match &config.strategies {
            Some(names) => names.clone(),
            None => strategy::of_the_paper().map(|strategy| strategy.name.to_string()).collect(),
        };
        let mut variants: Vec<Variant> = Vec::new();
        for name in named {
            strategy::find(&name)?;
            add(&mut variants, Variant::new(&name, &config.recipe, &config.epochs)?);
        }
        for VariantConfig { strategy, recipe, epochs } in &config.variants {
            let mut keys = config.recipe.clone();
            keys.extend(recipe.clone());
            add(&mut variants, Variant::new(strategy, &keys, epochs.as_ref().unwrap_or(&config.epochs))?);
        }
        check_names(&variants)?;
        Ok(variants)
    }

    /// How long it runs.
    pub fn longest_horizon(&self) -> usize {
        self.horizons.iter().copied().max().expect("checked: a study has a horizon")
    }

    /// A named strategy with some keys replaced, or a recipe of the user's own under a new name.
    ///
    /// # Errors
    /// An unknown key, or a recipe that cannot be run.
    pub fn new(name: &str, keys: &toml::Table, horizons: &[usize]) -> Result<Variant, StudyError> {
        let base = match strategy::find(name) {
            Ok(strategy) => (strategy.recipe)(),
            Err(error) => own_recipe(name, keys, error)?,
        };
        let defaults = to_table(&base);
        let mut merged = defaults.clone();
        merged.extend(keys.clone());
        let recipe = recipe_of(name, merged)?;
        let merged = to_table(&recipe);
        // A recipe's table leaves out a weight that is 0, so a weight that was turned off is among the keys alone.
        let off = keys.iter().filter(|(key, _)| defaults.contains_key(*key) && !merged.contains_key(*key));
        let other = merged.iter().filter(|(key, value)| defaults.get(*key) != Some(value));
        let differing: BTreeMap<&String, &toml::Value> = other.chain(off).collect();
        let differences: Vec<String> =
            differing.into_iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
        let (strategy, differences) = (name.to_string(), differences.join("; "));
        Ok(Variant { strategy, differences, recipe, horizons: horizons.to_vec() })
    }
}

/// A name that is no strategy's needs a recipe with a mechanic of its own; else it is a misspelling.
fn own_recipe(name: &str, keys: &toml::Table, unknown: UnlearnError) -> Result<Recipe, StudyError> {
    let mechanics = ["fix_decoder", "max_loss", "learn_noise", "learn_others", "forget_target"];
    if !mechanics.iter().any(|mechanic| keys.contains_key(*mechanic)) {
        return Err(unknown.into());
    }
    if [ORIGINAL, RETRAIN].contains(&name) {
        return Err(bad_name("a name other than those of the references", name.to_string()));
    }
    lacuna_report::check_text(name).map_err(|expected| bad_name(expected, name.to_string()))?;
    recipe_of(name, keys.clone())
}

/// A table as a checked recipe; the parser is not given text, whose lines would be none of the file's.
fn recipe_of(name: &str, table: toml::Table) -> Result<Recipe, StudyError> {
    let parsed: Result<Recipe, toml::de::Error> = table.try_into();
    parsed
        .map_err(|error| UnlearnError::Parse { reason: error.to_string().trim().to_string() })
        .and_then(Recipe::checked)
        .map_err(|source| StudyError::BadRecipe { strategy: name.to_string(), source: Box::new(source) })
}

/// Results are distinguished by name, differences and horizon; a recipe of the user's own differs from nothing. One
/// recipe with other horizons is another run: with a rate that falls, twenty epochs on the way to fifty are not a run
/// of twenty.
fn check_names(variants: &[Variant]) -> Result<(), StudyError> {
    let mut recipes = BTreeMap::new();
    let mut rows = BTreeSet::new();
    for Variant { strategy, differences, recipe, horizons } in variants {
        if *recipes.entry((strategy, differences)).or_insert(recipe) != recipe {
            return Err(bad_name("a name of its own for each recipe", format!("{strategy} twice")));
        }
        if let Some(epochs) = horizons.iter().find(|&epochs| !rows.insert((strategy, differences, epochs))) {
            let expected = "each horizon of a recipe in one of its entries";
            return Err(bad_name(expected, format!("{strategy} after {epochs} epochs twice")));
        }
    }
    Ok(())
}

fn bad_name(expected: &str, found: String) -> StudyError {
    StudyError::BadSetting { key: "unlearn.variants.strategy".to_string(), expected: expected.to_string(), found }
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
    use lacuna_unlearn::STRATEGIES;

    fn keys(text: &str) -> toml::Table {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_strategy_as_it_is_differs_in_nothing() {
        for strategy in STRATEGIES {
            let variant = Variant::new(strategy.name, &toml::Table::new(), &[20]).unwrap();
            assert_eq!(variant.differences, "", "{}", strategy.name);
        }
    }

    #[test]
    fn differences_are_written_key_by_key() {
        let variant = Variant::new("noisy-label", &keys("retain_weight = 0\nnoise = 'uniform'"), &[20]).unwrap();
        assert_eq!(variant.differences, "noise=uniform; retain_weight=0.0");
    }

    #[test]
    fn a_weight_that_is_turned_off_is_a_difference() {
        // It was none, and the recipe bore the name of the strategy as it is.
        let variant = Variant::new("consistent-background", &keys("stranger_weight = 0.0"), &[20]).unwrap();
        assert_eq!(variant.recipe.stranger_weight, 0.0);
        assert_eq!(variant.differences, "stranger_weight=0.0");
    }

    #[test]
    fn the_same_run_asked_for_twice_is_done_once() {
        let config =
            UnlearnConfig { strategies: Some(vec!["max-loss".into(), "max-loss".into()]), ..UnlearnConfig::default() };
        assert_eq!(Variant::all(&config).unwrap().len(), 1);
    }

    #[test]
    fn two_recipes_cannot_bear_one_name() {
        let text = "strategies = []\n[[variants]]\nstrategy = 'mine'\nrecipe = { max_loss = true }\n\
                    [[variants]]\nstrategy = 'mine'\nrecipe = { learn_noise = true }";
        let message = Variant::all(&toml::from_str(text).unwrap()).unwrap_err().to_string();
        assert_eq!(message, "unlearn.variants.strategy: expected a name of its own for each recipe, found mine twice");
        assert!(Variant::new("retrain", &keys("max_loss = true"), &[20]).is_err());
    }

    #[test]
    fn one_recipe_runs_once_for_each_entry_and_has_a_horizon_in_one_of_them() {
        let asked_for = |epochs: [&str; 2]| {
            let entry = |epochs| format!("[[variants]]\nstrategy = 'unsir'\nepochs = {epochs}\n");
            let text = format!("strategies = []\n{}", epochs.map(entry).concat());
            Variant::all(&toml::from_str(&text).unwrap())
        };
        let lengths: Vec<usize> = asked_for(["[5]", "[20]"]).unwrap().iter().map(Variant::longest_horizon).collect();
        assert_eq!(lengths, [5, 20]);
        let message = asked_for(["[5, 20]", "[20, 50]"]).unwrap_err().to_string();
        assert!(message.ends_with("found unsir after 20 epochs twice"), "{message}");
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_strategy_it_was_given_to() {
        let message = Variant::new("max-loss", &keys("forget_wieght = 2"), &[20]).unwrap_err().to_string();
        assert!(
            message.starts_with("unlearn: strategy `max-loss`: recipe: unknown field `forget_wieght`"),
            "{message}"
        );
    }

    #[test]
    fn a_misspelt_strategy_is_refused_and_an_own_recipe_is_not() {
        assert!(Variant::new("noisy-lable", &keys("forget_weight = 2"), &[20]).is_err());
        let own = Variant::new("mine", &keys("learn_noise = true\nforget_weight = 2"), &[20]).unwrap();
        assert_eq!((own.recipe.forget_weight, own.differences.as_str()), (2.0, ""));
    }
}
