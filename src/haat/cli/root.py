"""The command line: every command is loaded when it is called, so that `--help` is quick."""

from __future__ import annotations

from cyclopts import App

app = App(
    name="haat",
    help="haat is an e-commerce platform: `haat run` starts a whole shop here, nothing else to install.",
    version_flags=["--version"],
)
events = App(name="events", help="Events that a service could not act on.")
vault = App(name="vault", help="The upkeep of the card vault.")
identity = App(name="identity", help="The upkeep of accounts.")
staff = App(name="staff", help="Who may do what in the back office.")
inventory = App(name="inventory", help="Check, rebuild and measure stock.")
evaluate = App(name="evaluate", help="Repeat a published figure on public data.")

app.command("haat.cli.run:run", name="run", help="Start a whole shop here.")
app.command("haat.cli.serve:serve_command", name="serve", help="Serve named services, or the gateway.")
app.command("haat.cli.work:work_command", name="work", help="Run the background worker.")
app.command("haat.cli.migrate:migrate_command", name="migrate", help="Bring the database up to date.")
app.command("haat.cli.seed:seed_command", name="seed", help="Fill a shop with the demo catalogue or with load.")
app.command("haat.cli.import_file:import_file", name="import", help="Load products from CSV, JSON or YAML.")
app.command("haat.cli.bench:bench", name="bench", help="Measure a running shop.")
app.command("haat.cli.doctor_command:doctor_command", name="doctor", help="Say what is wrong with an installation.")
app.command("haat.cli.audit:audit", name="audit", help="Hold money, stock and orders against each other.")
app.command("haat.cli.reconcile:reconcile", name="reconcile", help="Hold the provider's report against the ledger.")
app.command(vault)
vault.command("haat.cli.vault:rotate", name="rotate", help="Put every card under a new key, destroy the old one.")
vault.command("haat.cli.vault:verify", name="verify", help="Say whether the audit trail is as it was written.")
vault.command(
    "haat.cli.card_page:inspect", name="inspect", help="Say whether the page that asks for cards was changed."
)
app.command(events)
events.command("haat.cli.events:parked_events", name="parked", help="List what was put aside.")
events.command("haat.cli.events:replay_events", name="replay", help="Have it acted on once more.")
app.command(identity)
identity.command("haat.cli.identity:rotate", name="rotate", help="Sign access tokens with the next key.")
app.command(staff)
staff.command("haat.cli.staff:staff_list", name="list", help="List who has which role.")
staff.command("haat.cli.staff:staff_add", name="add", help="Give a role to an account.")
staff.command("haat.cli.staff:staff_remove", name="remove", help="Take a role away.")
app.command(inventory)
inventory.command("haat.cli.inventory:verify", name="verify", help="Fold every event and hold the levels against it.")
inventory.command("haat.cli.inventory:rebuild", name="rebuild", help="Write the levels anew out of their events.")
inventory.command("haat.cli.inventory:bench", name="bench", help="Measure a crowd on one SKU.")
app.command(evaluate)
evaluate.command(
    "haat.cli.evaluate_search:evaluate_search", name="search", help="Index a catalogue and score judged queries."
)
evaluate.command(
    "haat.cli.evaluate_recommendations:evaluate_recommendations",
    name="recommendations",
    help="Leave-one-out over an interaction file.",
)
evaluate.command("haat.cli.evaluate_fraud:evaluate_fraud", name="fraud", help="Train and score on a transaction file.")
