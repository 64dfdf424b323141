/* Runs a portfolio over events on standard input and prints what it comes to, for
 * tests/python/test_portfolio.py. All numbers are whole: quantities and prices in 1e-9, money in
 * 1e-18. Arguments: symbols, fills kept, starting cash in 1e-9. Events, one a line:
 *   F symbol qty px fee exec    a fill           M symbol px           a mark
 *   B symbol exec               a bust           C symbol exec qty px fee   a correction
 *   S symbol new old lot        a split          D symbol cash         a dividend
 *   R symbol rate days          borrowing        T amount              a deposit
 *   N                           a new day        A                     print the account
 *   H symbol                    print a holding and its lots
 * After every event the identity of equity is recomputed; a full recount comes every 1,024. */
#include "calc/portfolio.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(const char *name, ats_money_e18 m)
{
    char digits[48];
    int n = 0;
    unsigned __int128 u = m < 0 ? -(unsigned __int128)m : (unsigned __int128)m;
    do {
        digits[n++] = (char)('0' + (int)(u % 10));
        u /= 10;
    } while (u);
    printf(" %s=%s", name, m < 0 ? "-" : "");
    while (n)
        putchar(digits[--n]);
}

static void print_account(const ats_portfolio *p)
{
    printf("A");
    put("cash", p->cash_e18);
    put("net", p->net_e18);
    put("gross", p->gross_e18);
    put("short", p->short_e18);
    put("high", p->high_water_e18);
    put("realized", p->realized_e18);
    put("fifo", p->realized_fifo_e18);
    put("fees", p->fees_e18);
    put("dividends", p->dividends_e18);
    put("borrow", p->borrow_e18);
    put("deposits", p->deposits_e18);
    printf(" open=%u fills=%" PRIu64 " trips=%" PRIu64 " winners=%" PRIu64 " streak=%u", //
           p->open_positions, p->fills, p->round_trips, p->winners, p->loss_streak);
    printf(" busts=%" PRIu64 " corrections=%" PRIu64 " unknown=%" PRIu64 " joined=%" PRIu64 "\n",
           p->busts, p->corrections, p->busts_unknown, p->lots->joined);
}

static void print_holding(const ats_portfolio *p, uint32_t id)
{
    const ats_holding *h = &p->holdings[id];
    printf("H");
    put("qty", h->qty_e9);
    put("mark", h->mark_e9);
    put("cost", h->cost_e18);
    put("realized", h->realized_e18);
    put("fifo", h->realized_fifo_e18);
    put("fees", h->fees_e18);
    put("dividends", h->dividends_e18);
    put("borrow", h->borrow_e18);
    for (uint32_t at = h->lots.first; at; at = p->lots->pool[at - 1].next) {
        put("lot", p->lots->pool[at - 1].qty_e9);
        put("at", p->lots->pool[at - 1].cost_e18);
    }
    printf("\n");
}

static bool event(ats_portfolio *p, char kind, const int64_t *v, int count)
{
    static const char KINDS[] = "FMBCSDRTNAH";
    static const int ARGUMENTS[] = {5, 2, 2, 5, 4, 2, 3, 1, 0, 0, 1};
    const char *known = strchr(KINDS, kind);
    if (!known || count != ARGUMENTS[known - KINDS])
        return false;
    uint32_t id = count > 0 ? (uint32_t)v[0] : 0;
    if (kind != 'T' && count > 0 && (v[0] < 1 || v[0] > p->symbol_count))
        return false;
    switch (kind) {
    case 'F':
        ats_portfolio_fill(p, id, v[1], v[2], v[3], (uint64_t)v[4]);
        break;
    case 'M':
        ats_portfolio_mark(p, id, v[1]);
        break;
    case 'B':
        ats_portfolio_bust(p, id, (uint64_t)v[1]);
        break;
    case 'C':
        ats_portfolio_correct(p, id, (uint64_t)v[1], v[2], v[3], v[4]);
        break;
    case 'S':
        ats_portfolio_split(p, id, v[1], v[2], v[3]);
        break;
    case 'D':
        ats_portfolio_dividend(p, id, v[1]);
        break;
    case 'R':
        ats_portfolio_accrue_borrow(p, id, (uint32_t)v[1], (uint32_t)v[2]);
        break;
    case 'T':
        ats_portfolio_deposit(p, v[0]);
        break;
    case 'N':
        ats_portfolio_new_day(p);
        break;
    case 'A':
        print_account(p);
        break;
    default:
        print_holding(p, id);
        break;
    }
    return true;
}

static bool equity_holds(const ats_portfolio *p)
{
    ats_money_e18 value = 0;
    for (uint32_t i = 1; i <= p->symbol_count; i++)
        value += ats_money_product(p->holdings[i].mark_e9, p->holdings[i].qty_e9);
    return ats_portfolio_equity(p) == p->cash_e18 + value && ats_portfolio_drawdown(p) >= 0;
}

static int run(ats_portfolio *p)
{
    char line[256];
    for (uint64_t number = 1; fgets(line, sizeof line, stdin); number++) {
        int64_t v[5];
        int count = sscanf(line + 1, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64,
                           &v[0], &v[1], &v[2], &v[3], &v[4]);
        if (!event(p, line[0], v, count < 0 ? 0 : count)) {
            fprintf(stderr, "line %" PRIu64 ": no event: %s", number, line);
            return 4;
        }
        if (!equity_holds(p) || (number % 1024 == 0 && !ats_portfolio_check(p))) {
            fprintf(stderr, "line %" PRIu64 ": the sums do not hold after %s", number, line);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: portfolio_state SYMBOLS FILLS_KEPT CASH_E9 <EVENTS\n");
        return 2;
    }
    uint32_t symbols = (uint32_t)atoi(argv[1]), kept = (uint32_t)atoi(argv[2]);
    size_t bytes = (ats_portfolio_footprint(symbols, kept) + 63) & ~(size_t)63;
    void *memory = aligned_alloc(64, bytes);
    if (!memory)
        return 1;
    memset(memory, 0, bytes);
    ats_portfolio *p = ats_portfolio_new(memory, symbols, atoll(argv[3]), kept);
    int result = run(p);
    if (result == 0 && !ats_portfolio_check(p)) {
        fprintf(stderr, "the sums do not hold at the end\n");
        result = 1;
    }
    free(memory);
    return result;
}
