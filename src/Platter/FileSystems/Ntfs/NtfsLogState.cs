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
