#!/usr/bin/env python3
"""recount.py DATABASE_URL START_LEDGER PROBES

Counts again, from the rows of slipway.executions and from the runtime's own ledger of starts (a container id a line), what
the database keeps as totals: statistics of agents, uses of entitlements, starts. Knows nothing of the code that kept them.
Prints a table and what differs; ends with 1 if anything does. PROBES: how many starts may belong to no attempt.
"""
import sys
from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Decimal

import psycopg
from psycopg.rows import dict_row

PLATFORM = {'ImagePullFailed', 'EngineError', 'Interrupted', 'ContainerLost', 'NodeLost', 'NodeStorageFull', 'NodeDraining',
            'NotEnforceable'}
NEVER_SPENT = {'InputInvalid', 'InputTooLarge', 'StartDeadlineExceeded', 'EntitlementMissing', 'EntitlementExpired',
               'EntitlementExhausted', 'RateLimited', 'QueueFull', 'AgentNotFound', 'AgentSuspended'}

differences = []


def same(what, kept, counted):
    if kept != counted:
        differences.append(f'{what}: kept {kept}, counted {counted}')


def spends(row):
    if row['reason'] in NEVER_SPENT or row['reason'] in PLATFORM:
        return False
    return row['reason'] != 'Cancelled' or row['started_at'] is not None


def recount(database, ledger, probes):
    executions = database.execute('SELECT * FROM slipway.executions').fetchall()
    attempts = database.execute('SELECT * FROM slipway.attempts').fetchall()
    unfinished = [row['id'] for row in executions if row['status'] in ('PENDING', 'RUNNING')]
    same('unfinished rows', len(unfinished), 0)

    # Statistics.
    statistics = {row['agent']: row for row in database.execute('SELECT * FROM slipway.agent_statistics').fetchall()}
    by_agent = defaultdict(list)
    for row in executions:
        by_agent[row['agent']].append(row)
    same('agents with statistics', sorted(statistics), sorted(by_agent))
    prices = {(row['agent'], row['revision']): row['price']
              for row in database.execute('SELECT agent, revision, price FROM slipway.agent_revisions').fetchall()}
    print(f"{'agent':<12} {'total':>6} {'completed':>9} {'failed':>7} {'timeout':>7} {'success':>8} {'revenue':>24}")
    for agent, rows in sorted(by_agent.items()):
        kept = statistics.get(agent)
        if kept is None:
            continue
        status = Counter(row['status'] for row in rows)
        completed = status['COMPLETED']
        judged = completed + sum(row['fault'] == 'Agent' for row in rows)
        rate = (Decimal(completed) / judged).quantize(Decimal('0.0001'), ROUND_HALF_UP) if judged else None
        revenue = sum((prices[agent, row['agent_revision']] for row in rows if row['status'] == 'COMPLETED'), Decimal(0))
        print(f"{agent:<12} {len(rows):>6} {completed:>9} {status['FAILED']:>7} {status['TIMEOUT']:>7} {str(rate):>8} {revenue:>24}")
        same(f'{agent}: total', kept['total'], len(rows))
        same(f'{agent}: completed', kept['completed'], completed)
        same(f'{agent}: failed', kept['failed'], status['FAILED'])
        same(f'{agent}: timed out', kept['timed_out'], status['TIMEOUT'])
        same(f'{agent}: success rate', kept['success_rate'], rate)
        same(f'{agent}: revenue', kept['revenue'], revenue)

    # Uses: in the rows' own terms, and in the ledger's.
    spent = Counter((row['user_id'], row['agent']) for row in executions if spends(row))
    for right in database.execute('SELECT id, user_id, agent, uses, used FROM slipway.entitlements').fetchall():
        same(f"entitlement {right['id']}: used", right['used'], spent.pop((right['user_id'], right['agent']), 0))
        if right['uses'] is not None and right['used'] > right['uses']:
            differences.append(f"entitlement {right['id']}: {right['used']} used of {right['uses']}")
    same('uses without an entitlement', dict(spent), {})
    spend_of = {row['execution_id']: row for row in database.execute('SELECT * FROM slipway.entitlement_spends').fetchall()}
    for row in executions:
        spend = spend_of.pop(row['id'], None)
        same(f"execution {row['id']} ({row['reason']}): is spent", spend is not None and spend['refunded_at'] is None, spends(row))
        if spend is not None:
            tag = prices[row['agent'], row['agent_revision']]
            owed = tag if row['status'] == 'COMPLETED' else 0
            for name, of in (('execution', row), ('spend', spend)):
                same(f"{name} {row['id']}: list price", of['list_price'], tag)
                same(f"{name} {row['id']}: price", of['price'], owed)
    same('spends of no execution', len(spend_of), 0)

    # Starts.
    starts = Counter(ledger)
    same('containers started twice', [container for container, times in starts.items() if times > 1], [])
    of_attempts = {row['container_id']: row for row in attempts if row['container_id']}
    strays = [container for container in starts if container not in of_attempts]
    if len(strays) > probes:
        differences.append(f'{len(strays)} starts of no attempt, only {probes} probes')
    started = 0
    for container, row in of_attempts.items():
        if row['started']:
            started += 1
            same(f"attempt {row['execution_id']}/{row['attempt']}: starts", starts[container], 1)
    for row in executions:
        if row['status'] == 'COMPLETED':
            same(f"execution {row['id']}: attempts that completed",
                 sum(a['execution_id'] == row['id'] and a['reason'] == 'Completed' for a in attempts), 1)
    reasons = Counter(row['reason'] for row in executions)
    print(', '.join(f'{reason} {n}' for reason, n in sorted(reasons.items())))
    print(f'{len(executions)} executions, {len(attempts)} attempts, {started} started, {len(starts)} starts in the ledger')


def main():
    url, ledger, probes = sys.argv[1:]
    with open(ledger, encoding='utf-8') as lines:
        ids = lines.read().split()
    with psycopg.connect(url, row_factory=dict_row) as database:
        database.execute('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
        recount(database, ids, int(probes))
    for difference in differences:
        print(f'differs: {difference}')
    return 1 if differences else 0


if __name__ == '__main__':
    sys.exit(main())
