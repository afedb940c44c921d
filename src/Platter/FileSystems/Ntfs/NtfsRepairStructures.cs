namespace Platter.FileSystems.Ntfs;

/// <summary>The second part of a repair: records, names, indexes. Each step begins with what a check says by then.</summary>
/// <param name="repair">The repair.</param>
/// <param name="skipped">Directories that are left as they are: their index could not be made anew.</param>
internal sealed class NtfsRepairStructures(NtfsRepairState repair, HashSet<long> skipped)
{
    // Files whose copies are refreshed within one edit.
    private const int MaxRefreshed = 256;

    public void Run()
    {
        if (repair.Report.IsClean && repair.Check!.Stale.Count == 0)
            return;
        var edit = new NtfsRepairEdit(repair);
        Step(edit, () => new NtfsRepairRecords(repair, edit).Run());
        Step(edit, () => new NtfsRepairLists(repair, edit).Run());
        Step(edit, () => new NtfsRepairMissing(repair, edit).Run());
        Step(edit, () => new NtfsRepairSecure(repair, edit).Run());
        Step(edit, () => new NtfsRepairViews(repair, edit).Run());
        Step(edit, () => new NtfsRepairLostNames(repair, edit).Run());
        Step(edit, () => new NtfsRepairDirectories(repair, edit, skipped).Run());
        Step(edit, () => RefreshCopies(edit));
    }

    // Sizes, times and attributes that directories copy.
    private void RefreshCopies(NtfsRepairEdit edit)
    {
        var (refreshed, files) = (0, repair.Check!.Stale.Order().ToList());
        for (var first = 0; first < files.Count; first += MaxRefreshed)
        {
            var part = files.GetRange(first, Math.Min(MaxRefreshed, files.Count - first));
            if (Refresh(part))
            {
                refreshed += part.Count;
                continue;
            }
            // One of them stands in the way of the others.
            foreach (var number in part)
                refreshed += Refresh([number]) ? 1 : 0;
        }
        if (refreshed > 0)
            repair.Add("NTFS-0135", "Directories", $"copies of sizes and attributes of {refreshed} files brought up to date");

        bool Refresh(List<long> numbers) => edit.TryDo(state =>
        {
            var names = new NtfsNames(state);
            foreach (var number in numbers)
                names.MarkStale(state.File(new NtfsReference(number, 0)));
            names.RefreshStale(names.Stale());
        });
    }

    private void Step(NtfsRepairEdit edit, Action step)
    {
        var done = repair.Repairs.Count;
        step();
        if (repair.Repairs.Count == done)
            return;
        edit.Forget();
        repair.LookAgain();
        if (repair.Check is null)
            throw new DiskFormatException("NTFS-0112", "$MFT", -1, "cannot be read any more after a repair");
    }
}
