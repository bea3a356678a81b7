//! The page of the evidence, for the person responsible for data protection.

use super::account::{Account, Change, Left, ModelAccount, RemovedFiles};
use super::statement::{Claim, Statement};
use super::words::{ground_in_words, holds_in_words};
use crate::{Holds, RemovalKind};
use std::collections::BTreeMap;

/// Renders the whole page as Markdown.
pub fn page(statement: &Statement) -> String {
    match &statement.predicate.account {
        Some(account) => of_account(statement, account),
        None => without_account(statement),
    }
}

/// Renders the list of limits as Markdown.
pub fn limits(claim: &Claim, account: &Account) -> String {
    format!(
        "# What this does not show\n\n{}{}\n## Warnings\n\n{}\n## What is left\n\n{}",
        bullets(&claim.does_not_show),
        bullets(&[account.outcome.does_not_mean().to_string()]),
        or_none(&bullets(&account.warnings), "None."),
        left(&account.left, account.purged)
    )
}

/// Renders the models' card as Markdown.
pub fn card(statement: &Statement, account: &Account) -> String {
    let predicate = &statement.predicate;
    format!(
        "# Model\n\nA segmentation network, made by the strategy `{}` for request {}. It names no person.\n\n{}## Warnings\n\n{}",
        predicate.strategy,
        predicate.request,
        models(statement, account),
        or_none(&bullets(&account.warnings), "None.")
    )
}

fn of_account(statement: &Statement, account: &Account) -> String {
    let predicate = &statement.predicate;
    let outcome = account.outcome;
    let sections = [
        format!("# Erasure request {}\n\nController: ______________________________\n", predicate.request),
        format!(
            "## Result\n\n**{}** (`{}`)\n\n{}\n\n{}\n",
            outcome.title(),
            outcome.name(),
            outcome.meaning(),
            outcome.does_not_mean()
        ),
        format!("## Warnings\n\n{}", or_none(&bullets(&account.warnings), "None.")),
        request(statement, account),
        format!(
            "## What was done\n\nStrategy `{}`: {}\n\n{}\nCompared: {}.\n{}{}",
            predicate.strategy,
            sentence(&account.strategy_does),
            models(statement, account),
            predicate.claim.compared,
            optional("Margin", &predicate.claim.margin),
            optional("Power", &predicate.claim.power)
        ),
        format!("## What was removed\n\n{}", removed(&account.removed, account.purged)),
        format!("## What is left\n\n{}", left(&account.left, account.purged)),
        attempts(account),
        format!("## What this does not show\n\n{}", bullets(&predicate.claim.does_not_show)),
        format!("## What remains to be done\n\n{}", bullets(&remaining(account, &predicate.request))),
        format!(
            "## How to check this\n\nSigned with the key {}. `lacuna verify FOLDER --key public.key` checks every file of \
             this folder against the signature and the ledger; the public key has to reach you by another way.\n",
            account.signed_by
        ),
    ];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

fn request(statement: &Statement, account: &Account) -> String {
    let (predicate, course) = (&statement.predicate, &account.course);
    let executed = match (&course.executed, account.outcome.replaces_the_model()) {
        (Some(at), _) => at.clone(),
        (None, true) => "not yet".to_string(),
        (None, false) => "not carried out: the run had no effect".to_string(),
    };
    let rows = [
        ("Request", predicate.request.clone()),
        ("Person", format!("the pseudonym {}; no name or id is in this document", predicate.subject)),
        ("Ground", ground_in_words(course.ground).to_string()),
        ("Received", course.received.to_string()),
        ("Answer due", course.due.to_string()),
        ("Carried out", executed),
        ("This document", predicate.at.clone()),
    ];
    let lines: String = rows.iter().map(|(name, value)| format!("| {name} | {value} |\n")).collect();
    format!("## The request\n\n| | |\n|---|---|\n{lines}")
}

/// Renders each pair of models with its figures and outcome.
fn models(statement: &Statement, account: &Account) -> String {
    let digests: Vec<&str> =
        statement.subject.iter().map(|artifact| artifact.digest.get("sha256").map_or("none", String::as_str)).collect();
    let pairs = digests.chunks(2).zip(&account.models).enumerate();
    pairs.map(|(at, (pair, model))| one_model(at + 1, pair, model)).collect()
}

fn one_model(number: usize, pair: &[&str], model: &ModelAccount) -> String {
    let digest = |at: usize| pair.get(at).copied().unwrap_or("none");
    let dice = |name: &str, change: &Change| {
        format!("| Dice of {name} | {} | {} |\n", figure(change.before), figure(change.after))
    };
    format!(
        "| Model {number} | before | after |\n|---|---|---|\n| SHA-256 | {} | {} |\n{}{}{}\nOutcome: {} (`{}`). {}\n\n",
        digest(0),
        digest(1),
        dice("the person", &model.forgotten_dice),
        dice("the people who stay", &model.retained_dice),
        dice("people whom neither saw", &model.held_out_dice),
        model.outcome.title(),
        model.outcome.name(),
        if model.audited {
            "It was compared with models that were trained without the person."
        } else {
            "It was not compared with models that were trained without the person."
        }
    )
}

/// Renders a Dice score; it is 1 where prediction and labels agree, 0 where they do not overlap.
fn figure(value: Option<f64>) -> String {
    value.map_or("not measured".to_string(), |value| format!("{value:.3}"))
}

fn removed(removed: &[RemovedFiles], purged: bool) -> String {
    if removed.is_empty() {
        return if purged { "Nothing.\n" } else { "Nothing: no removal was asked for.\n" }.to_string();
    }
    let mut by_how: BTreeMap<RemovalKind, Vec<&RemovedFiles>> = BTreeMap::new();
    removed.iter().for_each(|files| by_how.entry(files.how).or_default().push(files));
    let line = |(how, files): (RemovalKind, Vec<&RemovedFiles>)| {
        let all: usize = files.iter().map(|files| files.files).sum();
        let kinds = files.iter().map(|files| format!("{} {}", files.files, holds_in_words(files.holds)));
        format!("- {}: {}\n", how.in_words(all), kinds.collect::<Vec<_>>().join(", "))
    };
    let is_open = by_how.contains_key(&RemovalKind::Quarantined);
    let lines: String = by_how.into_iter().map(line).collect();
    let quarantine = if is_open {
        "\nWhat is in quarantine is kept there until the request is closed. Until then it can be put back, which this document \
                      cannot show: the ledger does (`lacuna ledger show`).\n"
    } else {
        ""
    };
    format!("{lines}{quarantine}")
}

fn left(left: &Left, purged: bool) -> String {
    let mut lines = Vec::new();
    let mut counts: BTreeMap<Option<Holds>, usize> = BTreeMap::new();
    left.holding.iter().for_each(|file| *counts.entry(file.holds).or_default() += 1);
    for (holds, count) in counts {
        let what = holds.map_or("not known of what kind", holds_in_words);
        lines.push(format!("{count} that hold the person: {what}"));
    }
    if !left.unknown.is_empty() {
        lines.push(format!(
            "{} of which nothing says whether they hold the person; signed all the same, as was asked",
            left.unknown.len()
        ));
    }
    if left.replaced_models > 0 {
        lines.push(format!("{} model(s) from before, which hold the person", left.replaced_models));
    }
    if left.mentions > 0 {
        lines.push(format!("{} file(s) of others that mention the person; they are not changed", left.mentions));
    }
    if left.sources > 0 {
        lines.push(format!("{} of the person's own scans and tables in the data set", left.sources));
    }
    if !purged {
        lines.push("what else holds the person: no removal was asked for".to_string());
    }
    or_none(&bullets(&lines), "Nothing that a search of the given folders could find.")
}

fn attempts(account: &Account) -> String {
    if account.earlier.is_empty() && account.other_runs.is_empty() {
        return String::new();
    }
    let verdict = |verdict: &Option<String>| verdict.clone().unwrap_or_else(|| "none".to_string());
    let statements = account.earlier.iter().map(|earlier| {
        let same =
            if earlier.of_these_runs { ", of the same runs; the writing of it may have been interrupted" } else { "" };
        let (at, statement) = (&earlier.at, &earlier.statement);
        format!("statement of {at}, SHA-256 {statement}, verdict `{}`{same}", verdict(&earlier.verdict))
    });
    let runs = account
        .other_runs
        .iter()
        .map(|run| format!("run {} by `{}`, verdict `{}`", run.run, run.strategy, verdict(&run.verdict)));
    let lines: Vec<String> = statements.chain(runs).collect();
    format!("## Earlier attempts\n\n{}", bullets(&lines))
}

fn remaining(account: &Account, request: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for model in &account.models {
        lines.extend(model.outcome.next().map(str::to_string));
    }
    lines.dedup();
    if account.outcome.replaces_the_model() {
        if !account.purged {
            lines.push("remove what still holds the person: `lacuna trace PERSON --purge`".to_string());
        }
        if account.left.sources > 0 {
            lines.push("delete the person's scans: `lacuna trace PERSON --purge --include-sources`".to_string());
        }
    }
    if !account.left.holding.is_empty() || !account.left.unknown.is_empty() {
        lines.push("look at the files that are left; `lacuna trace PERSON` lists them by path".to_string());
    }
    lines.push("inform the person of the outcome, and those who received the data or the model".to_string());
    if account.outcome.passes() {
        lines.push("close the request: `lacuna ledger close REQUEST`".to_string());
    }
    lines.into_iter().map(|line| line.replace("REQUEST", request)).collect()
}

/// Renders a statement of version 1, which has no account.
fn without_account(statement: &Statement) -> String {
    let predicate = &statement.predicate;
    let claim = &predicate.claim;
    let models = statement.subject.iter().map(|artifact| {
        format!("- {}: SHA-256 {}\n", artifact.name, artifact.digest.get("sha256").map_or("none", String::as_str))
    });
    let set = |text: &Option<String>| text.clone().unwrap_or_else(|| "none was set".to_string());
    format!(
        "# Request {}\n\nOn {} the strategy `{}` was applied for the subject with the pseudonym {}.\n\n{}\nCompared: {}.\n\
         Margin: {}.\nPower: {}.\nFound: `{}`.\n\n## What this does not show\n\n{}",
        predicate.request,
        predicate.at,
        predicate.strategy,
        predicate.subject,
        models.collect::<String>(),
        claim.compared,
        set(&claim.margin),
        set(&claim.power),
        claim.verdict,
        bullets(&claim.does_not_show)
    )
}

fn bullets(lines: &[String]) -> String {
    lines.iter().map(|line| format!("- {line}\n")).collect()
}

fn or_none(text: &str, none: &str) -> String {
    if text.is_empty() { format!("{none}\n") } else { text.to_string() }
}

fn optional(name: &str, value: &Option<String>) -> String {
    value.as_ref().map_or(String::new(), |value| format!("{name}: {value}.\n"))
}

/// The text with a full stop at its end.
fn sentence(text: &str) -> String {
    if text.ends_with('.') { text.to_string() } else { format!("{text}.") }
}
