using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>What the parts of a repair share: the volume as it is by now, what a check says of it, and what was done.</summary>
internal sealed class NtfsRepairState
{
    // Not looked at where only names and attributes are concerned: found before, told with what is mended.
    private static readonly string[] Mended = ["NTFS-0136", "NTFS-0140", "NTFS-0211"];

    public NtfsRepairState(BlockDevice device, RepairOptions options)
    {
        Device = device;
        Options = options;
        (Report, Check) = NtfsChecker.Run(device, options.Check);
        Misnumbered = Check?.Misnumbered ?? [];
    }

    /// <summary>What is written to: in a dry run, and where the device could not go back, pages in memory.</summary>
    public BlockDevice Device { get; }

    public RepairOptions Options { get; }

    /// <summary>What was found last.</summary>
    public CheckReport Report { get; private set; }

    /// <summary>What was found in use last; null when there was no beginning.</summary>
    public NtfsCheckState? Check { get; private set; }

    /// <summary>Records that called themselves by another number when the repair began.</summary>
    public HashSet<long> Misnumbered { get; }

    public List<Repair> Repairs { get; } = [];

    public bool Has(string code)
    {
        foreach (var finding in Report.Findings)
        {
            if (finding.Code == code)
                return true;
        }
        return false;
    }

    public bool HasAny(params ReadOnlySpan<string> codes)
    {
        foreach (var code in codes)
        {
            if (Has(code))
                return true;
        }
        return false;
    }

    /// <summary>Whether nothing is wrong but copies and bitmaps: else what seems to be nobody's may belong to what is broken.</summary>
    public bool IsOtherwiseSound => !Check!.IsIncomplete
        && Report.Findings.All(f => f.Severity < Severity.Error || f.Structure.StartsWith("BootSector", StringComparison.Ordinal) || Mended.Contains(f.Code));

    /// <summary>Says what was done.</summary>
    /// <param name="code">The id of the finding that it answers.</param>
    /// <param name="structure">What was changed.</param>
    /// <param name="message">How.</param>
    public void Add(string code, string structure, string message) => Repairs.Add(new Repair(code, structure, message));

    /// <summary>Looks at the volume as it is now.</summary>
    public void LookAgain() => (Report, Check) = NtfsChecker.Run(Device, Options.Check);

    /// <summary>What a record of the volume's own has, and has its clusters for itself; null when it cannot be used, or the record is another file's.</summary>
    public NtfsContent? Content(long number, NtfsAttributeType type)
    {
        if (Check!.Open(number) is not { } file || (Check.Facts[number].Flags & (NtfsFacts.Shares | NtfsFacts.Partial)) != 0
            || NtfsCheckerFiles.IsAnothers(file.Base, Check.MajorVersion))
            return null;
        try
        {
            return file.Open(type) is { IsResident: false } content && !IsShared(content) ? content : null;
        }
        catch (DiskFormatException)
        {
            // Told by the check.
            return null;
        }
    }

    /// <summary>Whether a range of clusters has some that two attributes have.</summary>
    public bool IsShared(long cluster, long count) => Check!.Used.Shared.Overlaps(cluster, count);

    private bool IsShared(NtfsContent content)
    {
        foreach (ref readonly var run in content.Runs.Runs)
        {
            if (!run.IsHole && IsShared(run.Lcn, run.Count))
                return true;
        }
        return false;
    }

    /// <summary>Writes into clusters that content has; holes, and what lies behind the device's end, are left out.</summary>
    public void Write(NtfsContent content, long offset, ReadOnlySpan<byte> data)
    {
        for (var done = 0; done < data.Length;)
        {
            var at = offset + done;
            if (content.Runs.Find(at >> content.ClusterShift) is not { IsHole: false } run)
                return;
            var within = at - (run.Vcn << content.ClusterShift);
            var part = data.Slice(done, (int)Math.Min(data.Length - done, (run.Count << content.ClusterShift) - within));
            var place = (run.Lcn << content.ClusterShift) + within;
            if (place + part.Length > Device.Length)
                return;
            Device.Write(place, part);
            done += part.Length;
        }
    }
}
