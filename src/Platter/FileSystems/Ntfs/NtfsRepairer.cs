using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>Mends what can be mended of a volume without a loss, and commits it as one.</summary>
/// <remarks>
/// <para>In this order: copies (boot sector, first records), bits of what is in use; then, where nothing forbids it, records, the indexes of $Secure and $Extend, names
/// that lead nowhere, the indexes of directories, old copies; at last bits of what is free, and the dirty flag. Before each step a check says how the volume is by then,
/// and what a step does is what a check says.</para>
/// <para>A repair is done on pages in memory, or above a transaction that can go back: when the volume would be worse than without the second part, that is left out.
/// A dry run does all of it, and drops it.</para>
/// </remarks>
internal sealed class NtfsRepairer
{
    // While these stand, nothing but copies and bitmaps is changed: clusters that two have, or that are not there; a table of records that is not whole; names that cannot
    // be put in order.
    private static readonly string[] Forbidding = ["NTFS-0014", "NTFS-0141", "NTFS-0202", "NTFS-0210", "NTFS-0400", "NTFS-0403", "NTFS-0213", "NTFS-0138"];

    // What may come to light when something can be read again.
    private static readonly string[] Revealed = ["NTFS-0137", "NTFS-0212"];

    private readonly BlockDevice _device;
    private readonly RepairOptions _options;
    private readonly HashSet<long> _skipped = [];

    private NtfsRepairer(BlockDevice device, RepairOptions options)
    {
        _device = device;
        _options = options;
    }

    private bool IsDirect => _device.CanRollback && !_options.DryRun;

    /// <summary>Repairs a volume, and commits.</summary>
    /// <exception cref="UnsupportedFeatureException">It is hibernated, its log has to be replayed first, or it has more findings than are kept.</exception>
    public static RepairReport Repair(BlockDevice device, RepairOptions options) => new NtfsRepairer(device, options).Run();

    private RepairReport Run()
    {
        var complete = false;
        try
        {
            var (repair, before) = RepairAll(withStructures: true);
            if (!_options.DryRun && repair.Repairs.Count > 0)
            {
                (repair.Device as NtfsChanges)?.WriteBack(static (_, _) => false);
                _device.Flush();
            }
            complete = true;
            return new RepairReport(repair.Repairs, _options.DryRun ? before : repair.Report);
        }
        finally
        {
            if (!complete && IsDirect)
                _device.Rollback();
        }
    }

    private (NtfsRepairState Repair, CheckReport Before) RepairAll(bool withStructures)
    {
        var repair = new NtfsRepairState(IsDirect ? _device : new NtfsChanges(_device, isTrial: true), _options);
        var before = repair.Report;
        if (repair.Check is null)
            return (repair, before);
        var givesLogUp = Refuse(repair);
        new NtfsRepairCopies(repair).Run(givesLogUp);
        new NtfsRepairBitmaps(repair).Run();
        if (repair.Repairs.Count > 0)
            repair.LookAgain();
        if (repair.Check is null)
            return (repair, before);
        if (withStructures && !IsForbidden(repair))
        {
            var (start, known) = (repair.Repairs.Count, repair.Report);
            if (!TryStructures(repair) || IsWorse(known, repair))
            {
                if (IsDirect)
                    _device.Rollback();
                return RepairAll(withStructures: false);
            }
            if (repair.Repairs.Count > start)
                new NtfsRepairBitmaps(repair).Run();
        }
        NtfsRepairFlags.Run(repair);
        if (repair.Repairs.Count > 0)
            repair.LookAgain();
        return (repair, before);
    }

    /// <returns>Whether a log is given up.</returns>
    private bool Refuse(NtfsRepairState repair)
    {
        // What is asked of the findings may be among those that were not kept.
        if (repair.Report.Total > repair.Report.Findings.Count)
            throw new UnsupportedFeatureException($"the check has {repair.Report.Total} findings, more than the {repair.Report.Findings.Count} that are kept: a volume so damaged is not repaired; copy its files out first");
        if (repair.Has("NTFS-0018"))
            throw new UnsupportedFeatureException("hiberfil.sys holds a running Windows (hibernated, or shut down for a fast start), which knows the volume as it is: nothing is repaired until it has been shut down");
        var log = repair.HasAny("NTFS-0016", "NTFS-0017");
        if (log && !_options.Check.Volume.DiscardJournal)
            throw new UnsupportedFeatureException("$LogFile holds what has to be replayed, and would be replayed over a repair: have Windows do it, or give the log up (--discard-journal)");
        return log;
    }

    // Clusters are taken by $Bitmap: where clusters are in use that nobody can tell, it must have been right.
    private static bool IsForbidden(NtfsRepairState repair) => repair.Check!.MajorVersion < 3 || repair.HasAny(Forbidding)
        || (repair.Check.IsIncomplete && repair.Repairs.Exists(r => r.Code == "NTFS-0211"));

    private bool TryStructures(NtfsRepairState repair)
    {
        try
        {
            new NtfsRepairStructures(repair, _skipped).Run();
            return true;
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException or VolumeFullException)
        {
            // Something that all of it needs is broken, or there is no room. What there is stays as it was.
            return false;
        }
    }

    private static bool IsWorse(CheckReport before, NtfsRepairState repair)
    {
        var kinds = before.Findings.Select(f => f.Code).ToHashSet(StringComparer.Ordinal);
        var revealed = 0;
        foreach (var finding in repair.Report.Findings)
        {
            if (Revealed.Contains(finding.Code))
                revealed++;
            else if (!kinds.Contains(finding.Code))
                return true;
        }
        return repair.Report.Total - revealed > before.Total;
    }
}
