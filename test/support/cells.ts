/** The cells of a test's table that `PROVISION_TEST_CELLS` names; without it all, those of `late` only with `PROVISION_TEST_ALL=1`. */
export function chosenCells<Name extends string>(
  table: Readonly<Record<Name, unknown>>,
  late: readonly NoInfer<Name>[],
): readonly Name[] {
  const { PROVISION_TEST_CELLS: cells, PROVISION_TEST_ALL: all } = process.env;
  const named = cells?.split(',');
  return (Object.keys(table) as Name[]).filter(
    (name) => named?.includes(name) ?? (all === '1' || !late.includes(name)),
  );
}
