using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>What $LogFile says of how the volume was left.</summary>
internal enum NtfsLogCondition
{
    /// <summary>All FF: a new log will be started.</summary>
    Empty,

    /// <summary>Closed properly.</summary>
    Clean,

    /// <summary>Open: what it holds may have to be done again, or undone.</summary>
    InUse,

    /// <summary>Neither restart page can be read.</summary>
    Damaged,

    /// <summary>There is none.</summary>
    Absent,
}

/// <summary>The state of the log, from its two restart pages.</summary>
internal sealed record NtfsLogState(NtfsLogCondition Condition, string Text)
{
    private const int MinPage = 4096, MaxPage = 65536;

    public bool IsClean => Condition is NtfsLogCondition.Empty or NtfsLogCondition.Clean;

    /// <summary>Reads the restart pages of the log.</summary>
    /// <param name="log">$LogFile's data, or null when it has none.</param>
    public static NtfsLogState Of(NtfsContent? log)
    {
        if (log is null || log.Length < 2 * MinPage)
            return new NtfsLogState(NtfsLogCondition.Absent, log is null ? "there is none" : $"too short: {log.Length} bytes");
        var first = new byte[MinPage];
        log.Read(0, first);
        if (IsEmpty(first))
            return new NtfsLogState(NtfsLogCondition.Empty, "empty");
        var pageSize = OnDisk.View<NtfsRestartPage>(first).SystemPageSize is var size && size >= MinPage && size <= MaxPage && uint.IsPow2(size) ? (int)(uint)size : MinPage;

        // The page with the later number counts.
        NtfsLogState? newest = null;
        var newestLsn = 0UL;
        for (var i = 0; i < 2 && (i + 1L) * pageSize <= log.Length; i++)
        {
            var page = new byte[pageSize];
            log.Read((long)i * pageSize, page);
            if (ParsePage(page, out var lsn) is { } parsed && (newest is null || lsn > newestLsn))
            {
                newest = parsed;
                newestLsn = lsn;
            }
        }
        return newest ?? new NtfsLogState(NtfsLogCondition.Damaged, "damaged: neither restart page can be read");
    }

    /// <summary>Whether what lies in the clusters of the log is one, however damaged: each page has the mark of one, or nothing. Where other pages have the mark,
    /// the first two, of which a restart needs one, may hold anything.</summary>
    /// <param name="log">$LogFile's data, which is not resident.</param>
    /// <exception cref="DiskFormatException">Some of its clusters are behind the end of the device.</exception>
    public static bool IsLog(NtfsContent log)
    {
        var (hasMark, isStrange) = (false, false);
        var page = new byte[MinPage];
        foreach (var run in log.Runs.Runs)
        {
            // Pages that start in a hole are nobody's.
            var end = run.End << log.ClusterShift;
            for (var at = (run.Vcn << log.ClusterShift) + MinPage - 1 & -MinPage; at < end && !run.IsHole; at += MinPage)
            {
                var there = (int)Math.Min(MinPage, (log.Runs.End << log.ClusterShift) - at);
                log.ReadClusters(at, page.AsSpan(0, there));
                if (HasMark(page))
                    hasMark = true;
                else if (IsUsed(page.AsSpan(0, there)) && at >= 2 * MinPage)
                    return false;
                else
                    isStrange |= IsUsed(page.AsSpan(0, there));
            }
        }
        return hasMark || !isStrange;
    }

    private static bool IsUsed(ReadOnlySpan<byte> page) => page[0] is not (0 or 0xFF) || page.ContainsAnyExcept(page[0]);

    private static bool HasMark(byte[] page) =>
        (uint)OnDisk.View<NtfsProtectedHeader>(page).Magic is NtfsRestartPage.MagicValue or NtfsRestartPage.ChkdskMagicValue or NtfsLogPage.MagicValue;

    // A plain loop, where the framework's search would be prepared at every start.
    private static bool IsEmpty(byte[] page)
    {
        foreach (var b in page)
        {
            if (b != 0xFF)
                return false;
        }
        return true;
    }

    private static NtfsLogState? ParsePage(byte[] page, out ulong lsn)
    {
        lsn = 0;
        ref readonly var head = ref OnDisk.View<NtfsRestartPage>(page);
        if (head.Protection.Magic == NtfsRestartPage.ChkdskMagicValue)
        {
            lsn = head.ChkdskLsn;
            return new NtfsLogState(NtfsLogCondition.Clean, "clean, since chkdsk");
        }
        if (head.Protection.Magic != NtfsRestartPage.MagicValue || NtfsUpdateSequence.Remove(page, NtfsRestartPage.Size) is not null
            || head.RestartAreaOffset + NtfsRestartArea.Size > page.Length)
            return null;
        ref readonly var area = ref OnDisk.View<NtfsRestartArea>(page, head.RestartAreaOffset);
        var version = $"version {head.MajorVersion}.{head.MinorVersion}";
        var isClean = area.UsedClients == NtfsRestartArea.NoClient || (area.Flags & NtfsRestartArea.CleanUnmount) != 0;
        lsn = area.CurrentLsn;
        return isClean ? new NtfsLogState(NtfsLogCondition.Clean, "clean, " + version)
            : new NtfsLogState(NtfsLogCondition.InUse, "in use, " + version + ": the volume was not unmounted");
    }
}
