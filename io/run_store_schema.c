/* The schema of store.db: version 1, and the steps from each version to the next. A new file takes
 * them all, so that it cannot differ from one that was brought up. */
#include "io/run_store.h"

static const char VERSION_1[] =
    "CREATE TABLE schema_version ("
    "  version INTEGER PRIMARY KEY,"
    "  applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))) STRICT;\n"
    "INSERT INTO schema_version (version) VALUES (1);\n"

    "CREATE TABLE runs ("
    "  run INTEGER PRIMARY KEY,"
    "  run_id TEXT NOT NULL UNIQUE,"
    "  command TEXT NOT NULL,"
    "  version TEXT NOT NULL,"
    "  build_commit TEXT NOT NULL,"
    "  started_ns INTEGER NOT NULL,"
    "  finished_ns INTEGER," /* NULL: still running, or it died */
    "  start_equity_e9 INTEGER NOT NULL,"
    "  end_equity_e9 INTEGER,"
    "  digest TEXT) STRICT;\n"

    "CREATE TABLE symbols ("
    "  run INTEGER NOT NULL REFERENCES runs, symbol_id INTEGER NOT NULL,"
    "  symbol TEXT NOT NULL, venue TEXT NOT NULL, currency TEXT NOT NULL,"
    "  class INTEGER NOT NULL, tick_e9 INTEGER NOT NULL, lot_e9 INTEGER NOT NULL,"
    "  PRIMARY KEY (run, symbol_id)) STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE intents ("
    "  run INTEGER NOT NULL, seq INTEGER NOT NULL,"
    "  event_seq INTEGER NOT NULL, recv_ns INTEGER NOT NULL, symbol_id INTEGER NOT NULL,"
    "  intent_id INTEGER NOT NULL, target_intent_id INTEGER NOT NULL,"
    "  qty_e9 INTEGER NOT NULL, limit_e9 INTEGER NOT NULL,"
    "  bid_e9 INTEGER NOT NULL, ask_e9 INTEGER NOT NULL,"
    "  account_id INTEGER NOT NULL, strategy_id INTEGER NOT NULL, model_id INTEGER NOT NULL,"
    "  score REAL, reason TEXT NOT NULL, action TEXT NOT NULL, side TEXT NOT NULL,"
    "  type TEXT NOT NULL, tif TEXT NOT NULL, flags INTEGER NOT NULL,"
    "  stop_distance_e9 INTEGER NOT NULL,"
    "  PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE verdicts ("
    "  run INTEGER NOT NULL, seq INTEGER NOT NULL,"
    "  event_seq INTEGER NOT NULL, recv_ns INTEGER NOT NULL, symbol_id INTEGER NOT NULL,"
    "  intent_id INTEGER NOT NULL, verdict TEXT NOT NULL," /* pass, or the first refusing check */
    "  measured_e9 INTEGER NOT NULL, limit_e9 INTEGER NOT NULL, reference_e9 INTEGER NOT NULL,"
    "  notional_e9 INTEGER NOT NULL, position_e9 INTEGER NOT NULL,"
    "  open_buy_e9 INTEGER NOT NULL, open_sell_e9 INTEGER NOT NULL,"
    "  gross_e9 INTEGER NOT NULL, equity_e9 INTEGER NOT NULL, drawdown_e9 INTEGER NOT NULL,"
    "  age_ns INTEGER NOT NULL,"
    "  PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID;\n"

    /* The nine *_ns stamps of an order are ns since the market event came in: its waterfall. */
    "CREATE TABLE orders ("
    "  run INTEGER NOT NULL, seq INTEGER NOT NULL,"
    "  event_seq INTEGER NOT NULL, recv_ns INTEGER NOT NULL, symbol_id INTEGER NOT NULL,"
    "  order_id INTEGER NOT NULL, target_order_id INTEGER NOT NULL,"
    "  qty_e9 INTEGER NOT NULL, limit_e9 INTEGER NOT NULL,"
    "  account_id INTEGER NOT NULL, strategy_id INTEGER NOT NULL,"
    "  reason TEXT NOT NULL, action TEXT NOT NULL, side TEXT NOT NULL,"
    "  type TEXT NOT NULL, tif TEXT NOT NULL, state TEXT NOT NULL,"
    "  bid_e9 INTEGER NOT NULL, ask_e9 INTEGER NOT NULL, score REAL,"
    "  feed_ns INTEGER NOT NULL, feature_ns INTEGER NOT NULL, infer_took_ns INTEGER NOT NULL,"
    "  infer_ns INTEGER NOT NULL, strategy_ns INTEGER NOT NULL, risk_ns INTEGER NOT NULL,"
    "  route_took_ns INTEGER NOT NULL, journaled_ns INTEGER NOT NULL, sent_ns INTEGER NOT NULL,"
    "  PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE executions ("
    "  run INTEGER NOT NULL, seq INTEGER NOT NULL,"
    "  event_seq INTEGER NOT NULL, recv_ns INTEGER NOT NULL, symbol_id INTEGER NOT NULL,"
    "  order_id INTEGER NOT NULL, exec_id INTEGER NOT NULL, after_seq INTEGER NOT NULL,"
    "  type TEXT NOT NULL, side TEXT NOT NULL, order_state TEXT NOT NULL,"
    "  last_qty_e9 INTEGER NOT NULL, last_px_e9 INTEGER NOT NULL,"
    "  cum_qty_e9 INTEGER NOT NULL, leaves_qty_e9 INTEGER NOT NULL, fee_e9 INTEGER NOT NULL,"
    "  account_id INTEGER NOT NULL, strategy_id INTEGER NOT NULL, reason TEXT NOT NULL,"
    "  liquidity INTEGER NOT NULL," /* 1 took, 2 made */
    "  PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE positions ("
    "  run INTEGER NOT NULL, seq INTEGER NOT NULL,"
    "  event_seq INTEGER NOT NULL, recv_ns INTEGER NOT NULL, symbol_id INTEGER NOT NULL,"
    "  qty_e9 INTEGER NOT NULL, average_e9 INTEGER NOT NULL, mark_e9 INTEGER NOT NULL,"
    "  realized_e9 INTEGER NOT NULL, unrealized_e9 INTEGER NOT NULL, fees_e9 INTEGER NOT NULL,"
    "  account_id INTEGER NOT NULL, trades INTEGER NOT NULL,"
    "  PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE equity ("
    "  run INTEGER NOT NULL, seq INTEGER NOT NULL, recv_ns INTEGER NOT NULL,"
    "  equity_e9 INTEGER NOT NULL, cash_e9 INTEGER NOT NULL, gross_e9 INTEGER NOT NULL,"
    "  net_e9 INTEGER NOT NULL, drawdown_e9 INTEGER NOT NULL," /* below the day's high */
    "  PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE env ("
    "  run INTEGER NOT NULL, seq INTEGER NOT NULL,"
    "  event_seq INTEGER NOT NULL, recv_ns INTEGER NOT NULL, symbol_id INTEGER NOT NULL,"
    "  after_seq INTEGER NOT NULL, code INTEGER NOT NULL, stage INTEGER NOT NULL,"
    "  value INTEGER NOT NULL,"
    "  PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID;\n"

    /* "feed.stall_ns": stage and field; the field's unit. A row where it differs from the one
       before. */
    "CREATE TABLE metrics ("
    "  run INTEGER NOT NULL, at_ns INTEGER NOT NULL, name TEXT NOT NULL, label TEXT NOT NULL,"
    "  value INTEGER NOT NULL,"
    "  PRIMARY KEY (run, name, label, at_ns)) STRICT, WITHOUT ROWID;\n"

    "CREATE VIEW v_fills AS SELECT r.run_id, e.seq,"
    "  strftime('%Y-%m-%dT%H:%M:%S', e.recv_ns / 1000000000, 'unixepoch') ||"
    "  printf('.%09dZ', e.recv_ns % 1000000000) AS at,"
    "  s.symbol, s.venue, e.side, e.last_qty_e9 / 1e9 AS qty, e.last_px_e9 / 1e9 AS price,"
    "  e.fee_e9 / 1e9 AS fee, e.reason, e.order_id, e.exec_id,"
    "  CASE e.liquidity WHEN 1 THEN 'took' WHEN 2 THEN 'made' ELSE '' END AS liquidity"
    "  FROM executions e JOIN runs r USING (run) LEFT JOIN symbols s USING (run, symbol_id)"
    "  WHERE e.type = 'fill';\n"
    "CREATE VIEW v_orders AS SELECT r.run_id, o.seq, s.symbol, o.order_id, o.action, o.side,"
    "  o.qty_e9 / 1e9 AS qty, o.limit_e9 / 1e9 AS limit_price, o.bid_e9 / 1e9 AS bid,"
    "  o.ask_e9 / 1e9 AS ask, o.reason, o.state, o.sent_ns AS event_to_order_ns"
    "  FROM orders o JOIN runs r USING (run) LEFT JOIN symbols s USING (run, symbol_id);\n"
    "CREATE VIEW v_verdicts AS SELECT r.run_id, v.seq, s.symbol, v.intent_id, v.verdict,"
    "  v.measured_e9 / 1e9 AS measured, v.limit_e9 / 1e9 AS limit_value,"
    "  v.notional_e9 / 1e9 AS notional, v.equity_e9 / 1e9 AS equity"
    "  FROM verdicts v JOIN runs r USING (run) LEFT JOIN symbols s USING (run, symbol_id);\n"
    "CREATE VIEW v_positions AS SELECT r.run_id, p.seq, s.symbol, p.qty_e9 / 1e9 AS qty,"
    "  p.average_e9 / 1e9 AS average, p.mark_e9 / 1e9 AS mark,"
    "  p.realized_e9 / 1e9 AS realized, p.unrealized_e9 / 1e9 AS unrealized,"
    "  p.fees_e9 / 1e9 AS fees"
    "  FROM positions p JOIN runs r USING (run) LEFT JOIN symbols s USING (run, symbol_id);\n"
    "CREATE VIEW v_equity AS SELECT r.run_id, q.seq, q.recv_ns, q.equity_e9 / 1e9 AS equity,"
    "  q.cash_e9 / 1e9 AS cash, q.gross_e9 / 1e9 AS gross, q.net_e9 / 1e9 AS net,"
    "  q.drawdown_e9 / 1e9 AS drawdown FROM equity q JOIN runs r USING (run);\n"
    "PRAGMA user_version = 1;\n";

/* Version 2: what an intent and an order carry since there are stops, classes, legs and execution
 * algorithms; which fill a bust means; commands; round trips; how orders were executed; days. */
static const char VERSION_2[] =
    "INSERT INTO schema_version (version) VALUES (2);\n"

    "ALTER TABLE intents ADD COLUMN stop_e9 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE intents ADD COLUMN trail_e9 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE intents ADD COLUMN target_e9 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE intents ADD COLUMN stop_leg_e9 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE intents ADD COLUMN stop_leg_limit_e9 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE intents ADD COLUMN class TEXT NOT NULL DEFAULT 'simple';"
    "ALTER TABLE intents ADD COLUMN algorithm INTEGER NOT NULL DEFAULT 0;" /* settings.h */
    "ALTER TABLE intents ADD COLUMN parent_id INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE intents ADD COLUMN parent_left_e9 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE intents ADD COLUMN confidence REAL;\n"

    "ALTER TABLE orders ADD COLUMN stop_e9 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE orders ADD COLUMN trail_e9 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE orders ADD COLUMN target_e9 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE orders ADD COLUMN stop_leg_e9 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE orders ADD COLUMN stop_leg_limit_e9 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE orders ADD COLUMN class TEXT NOT NULL DEFAULT 'simple';"
    "ALTER TABLE orders ADD COLUMN algorithm INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE orders ADD COLUMN parent_id INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE orders ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;\n"

    "ALTER TABLE executions ADD COLUMN ref_exec_id INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE executions ADD COLUMN ref_order_id INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE executions ADD COLUMN bid_e9 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE executions ADD COLUMN ask_e9 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE executions ADD COLUMN refusal TEXT NOT NULL DEFAULT 'pass';"
    "ALTER TABLE executions ADD COLUMN event_ns INTEGER NOT NULL DEFAULT 0;" /* venue's time */
    "ALTER TABLE env ADD COLUMN subject INTEGER NOT NULL DEFAULT 0;\n"

    "CREATE TABLE controls ("
    "  run INTEGER NOT NULL, seq INTEGER NOT NULL,"
    "  event_seq INTEGER NOT NULL, recv_ns INTEGER NOT NULL, symbol_id INTEGER NOT NULL,"
    "  code TEXT NOT NULL, account_id INTEGER NOT NULL, model_id INTEGER NOT NULL,"
    "  strategy_id INTEGER NOT NULL,"
    "  payload BLOB NOT NULL," /* 32 bytes, by code: see ats_control in core/record.h */
    "  PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE strategies ("
    "  run INTEGER NOT NULL REFERENCES runs, strategy_id INTEGER NOT NULL,"
    "  strategy TEXT NOT NULL, plugin TEXT NOT NULL,"
    "  PRIMARY KEY (run, strategy_id)) STRICT, WITHOUT ROWID;\n"

    /* Equity at the end of each UTC day on which it was seen. */
    "CREATE TABLE days ("
    "  run INTEGER NOT NULL, day TEXT NOT NULL, equity_e9 INTEGER NOT NULL,"
    "  PRIMARY KEY (run, day)) STRICT, WITHOUT ROWID;\n"

    /* Round trips of strategies (calc/trades.h). One that is open at the end has no exit_ns. */
    "CREATE TABLE trades ("
    "  run INTEGER NOT NULL, trade INTEGER NOT NULL,"
    "  strategy_id INTEGER NOT NULL, symbol_id INTEGER NOT NULL,"
    "  side TEXT NOT NULL," /* long or short */
    "  entry_ns INTEGER NOT NULL, exit_ns INTEGER,"
    "  qty_e9 INTEGER NOT NULL, closed_qty_e9 INTEGER NOT NULL,"
    "  entry_price_e9 INTEGER NOT NULL, exit_price_e9 INTEGER,"
    "  fees_e9 INTEGER NOT NULL, dividends_e9 INTEGER NOT NULL, profit_e9 INTEGER NOT NULL,"
    "  low_e9 INTEGER NOT NULL, high_e9 INTEGER NOT NULL,"
    "  fills INTEGER NOT NULL, entry_reason TEXT NOT NULL, exit_reason TEXT NOT NULL,"
    "  model_id INTEGER NOT NULL," /* that it was entered by; 0 = none */
    "  PRIMARY KEY (run, trade)) STRICT, WITHOUT ROWID;\n"

    /* How parents, their children and single orders were executed (calc/execution_quality.h): a
       parent has order_id 0, a single order parent_id 0; these two add up to the run. Costs are
       > 0 when they were costs; a cost counts the fills whose benchmark is known, and its value is
       theirs at that benchmark: cost / value is in parts of one. */
    "CREATE TABLE execution_quality ("
    "  run INTEGER NOT NULL, parent_id INTEGER NOT NULL, order_id INTEGER NOT NULL,"
    "  strategy_id INTEGER NOT NULL, symbol_id INTEGER NOT NULL,"
    "  side TEXT NOT NULL, algorithm TEXT NOT NULL, reason TEXT NOT NULL,"
    "  decided_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL,"
    "  qty_e9 INTEGER NOT NULL, filled_e9 INTEGER NOT NULL, fills INTEGER NOT NULL,"
    "  decision_e9 INTEGER NOT NULL, end_e9 INTEGER NOT NULL,"
    "  value_e9 INTEGER NOT NULL, fees_e9 INTEGER NOT NULL,"
    "  decision_cost_e9 INTEGER NOT NULL, decision_value_e9 INTEGER NOT NULL,"
    "  arrival_cost_e9 INTEGER NOT NULL, arrival_value_e9 INTEGER NOT NULL,"
    "  mid_cost_e9 INTEGER NOT NULL, mid_value_e9 INTEGER NOT NULL,"
    "  opportunity_cost_e9 INTEGER NOT NULL, shortfall_e9 INTEGER NOT NULL,"
    "  before_5m_e9 INTEGER NOT NULL, before_5m_value_e9 INTEGER NOT NULL,"
    "  after_1s_e9 INTEGER NOT NULL, after_1s_value_e9 INTEGER NOT NULL,"
    "  after_30s_e9 INTEGER NOT NULL, after_30s_value_e9 INTEGER NOT NULL,"
    "  after_5m_e9 INTEGER NOT NULL, after_5m_value_e9 INTEGER NOT NULL,"
    "  PRIMARY KEY (run, parent_id, order_id)) STRICT, WITHOUT ROWID;\n"

    "CREATE VIEW v_trades AS SELECT r.run_id, t.trade, g.strategy, s.symbol, t.side,"
    "  strftime('%Y-%m-%dT%H:%M:%S', t.entry_ns / 1000000000, 'unixepoch') ||"
    "  printf('.%03dZ', t.entry_ns / 1000000 % 1000) AS entry_at,"
    "  strftime('%Y-%m-%dT%H:%M:%S', t.exit_ns / 1000000000, 'unixepoch') ||"
    "  printf('.%03dZ', t.exit_ns / 1000000 % 1000) AS exit_at,"
    "  (t.exit_ns - t.entry_ns) / 1e9 AS held_s, t.qty_e9 / 1e9 AS qty,"
    "  t.entry_price_e9 / 1e9 AS entry_price, t.exit_price_e9 / 1e9 AS exit_price,"
    "  t.fees_e9 / 1e9 AS fees, t.dividends_e9 / 1e9 AS dividends, t.profit_e9 / 1e9 AS profit,"
    "  CASE t.side WHEN 'long' THEN 1e4 * (t.low_e9 - t.entry_price_e9) / t.entry_price_e9"
    "  ELSE 1e4 * (t.entry_price_e9 - t.high_e9) / t.entry_price_e9 END AS adverse_bps,"
    "  CASE t.side WHEN 'long' THEN 1e4 * (t.high_e9 - t.entry_price_e9) / t.entry_price_e9"
    "  ELSE 1e4 * (t.entry_price_e9 - t.low_e9) / t.entry_price_e9 END AS favourable_bps,"
    "  t.fills, t.entry_reason, t.exit_reason, t.model_id"
    "  FROM trades t JOIN runs r USING (run) LEFT JOIN symbols s USING (run, symbol_id)"
    "  LEFT JOIN strategies g USING (run, strategy_id);\n"
    "CREATE VIEW v_execution_quality AS SELECT r.run_id, q.parent_id, q.order_id,"
    "  CASE WHEN q.order_id = 0 THEN 'parent' WHEN q.parent_id = 0 THEN 'single' ELSE 'child' END"
    "  AS level, g.strategy, s.symbol, q.side, q.algorithm, q.reason, q.qty_e9 / 1e9 AS qty,"
    "  q.filled_e9 / 1e9 AS filled, 1.0 * q.filled_e9 / q.qty_e9 AS fill_rate,"
    "  q.decision_e9 / 1e9 AS decision_price, 1.0 * q.value_e9 / q.filled_e9 AS average_price,"
    "  (q.ended_ns - q.decided_ns) / 1e9 AS took_s, q.fees_e9 / 1e9 AS fees,"
    "  q.shortfall_e9 / 1e9 AS shortfall,"
    "  1e4 * q.decision_cost_e9 / q.decision_value_e9 AS decision_bps,"
    "  1e4 * q.arrival_cost_e9 / q.arrival_value_e9 AS arrival_bps,"
    "  1e4 * q.mid_cost_e9 / q.mid_value_e9 AS mid_bps,"
    "  1e4 * q.before_5m_e9 / q.before_5m_value_e9 AS before_5m_bps,"
    "  1e4 * q.after_1s_e9 / q.after_1s_value_e9 AS after_1s_bps,"
    "  1e4 * q.after_30s_e9 / q.after_30s_value_e9 AS after_30s_bps,"
    "  1e4 * q.after_5m_e9 / q.after_5m_value_e9 AS after_5m_bps"
    "  FROM execution_quality q JOIN runs r USING (run)"
    "  LEFT JOIN symbols s USING (run, symbol_id)"
    "  LEFT JOIN strategies g USING (run, strategy_id);\n"
    "PRAGMA user_version = 2;\n";

const char *const ats_run_store_steps[ATS_RUN_STORE_VERSION] = {VERSION_1, VERSION_2};
