using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>What the parts of a check share: the volume's structures, what has been found in use, and the report.</summary>
internal sealed class NtfsCheckState
{
    private const int CachedNodes = 64;
    private const int ProgressStep = 256;

    // What a damaged volume may make this remember, of each kind.
    private const int MaxMarks = 100_000;

    private string _step = "";
    private int _sinceProgress;

    public NtfsCheckState(BlockDevice device, NtfsGeometry geometry, NtfsMft mft, CheckReport report, CheckOptions options)
    {
        Device = device;
        Geometry = geometry;
        Mft = mft;
        Report = report;
        Options = options;
        PresentClusters = Math.Min(geometry.ClusterCount, (device.Length + geometry.ClusterSize - 1) >> geometry.ClusterShift);
        Facts = new NtfsRecordFacts(CountRecords());
    }

    public BlockDevice Device { get; }
    public NtfsGeometry Geometry { get; }
    public NtfsMft Mft { get; }
    public CheckReport Report { get; }
    public CheckOptions Options { get; }

    /// <summary>Clusters that begin within the device; the others are of an image that was cut.</summary>
    public long PresentClusters { get; }

    /// <summary>The clusters that attributes were found to use.</summary>
    public NtfsClusterSet Used { get; } = new();

    public NtfsRecordFacts Facts { get; }
    public NtfsNodes Nodes { get; } = new(CachedNodes);

    /// <summary>The volume's capitals; null when they cannot be read, and the order of names with them.</summary>
    public NtfsUpcase? Upcase { get; set; }

    /// <summary>3 for all volumes since Windows 2000.</summary>
    public byte MajorVersion { get; set; } = 3;

    /// <summary>The attribute types that $AttrDef defines; null when it cannot be read.</summary>
    public HashSet<NtfsAttributeType>? DefinedTypes { get; set; }

    /// <summary>Which records $MFT:$BITMAP has in use; null when it cannot be read.</summary>
    public Bitmap? MftBitmap { get; set; }

    /// <summary>Whether something in use may have been overlooked, so that clusters which nobody was seen to use are not reported.</summary>
    public bool IsIncomplete { get; set; }

    /// <summary>The security ids in use, each with the first record that has it.</summary>
    public Dictionary<uint, uint> SecurityIds { get; } = [];

    /// <summary>The owner ids of quotas in use, each with the first record that has it.</summary>
    public Dictionary<uint, uint> OwnerIds { get; } = [];

    /// <summary>The files of $Extend by name, those that a check looks at.</summary>
    public Dictionary<string, long> ExtendFiles { get; } = new(StringComparer.Ordinal);

    /// <summary>The sum of the hashes of all reparse points, less those of the entries of their index.</summary>
    public ulong ReparsePoints { get; set; }

    /// <summary>Likewise of object ids.</summary>
    public ulong ObjectIds { get; set; }

    /// <summary>Whether there was a reparse point that could not be read.</summary>
    public bool IsReparseUnknown { get; set; }

    /// <summary>Indexes that something is wrong with: what a repair makes anew.</summary>
    public HashSet<(long Record, string Index)> WrongIndexes { get; } = [];

    /// <summary>Records with a name that leads nowhere or is not lawful, or without a name.</summary>
    public HashSet<long> Lost { get; } = [];

    /// <summary>Files of which a directory has old copies.</summary>
    public HashSet<long> Stale { get; } = [];

    /// <summary>Directories in a circle, one of each.</summary>
    public List<long> Circles { get; } = [];

    /// <summary>Records that are free, while $MFT:$BITMAP and a directory have them in use by the very sequence number.</summary>
    public HashSet<long> Freed { get; } = [];

    /// <summary>Records that call themselves part of another file, while a directory has them as files of their own by the very sequence number.</summary>
    public HashSet<long> Estranged { get; } = [];

    /// <summary>Records that call themselves by another number: what they say may be another file's.</summary>
    public HashSet<long> Misnumbered { get; } = [];

    /// <summary>Files whose attribute list is not what their records have.</summary>
    public HashSet<long> WrongLists { get; } = [];

    /// <summary>The sequence number by which directories know records that have lost theirs.</summary>
    public Dictionary<long, ushort> LostSequences { get; } = [];

    public void MarkWrong(long record, string index) => Mark(WrongIndexes, (record, index));

    public void MarkLost(long record) => Mark(Lost, record);

    public void MarkFreed(long record) => Mark(Freed, record);

    public void MarkEstranged(long record) => Mark(Estranged, record);

    public void MarkMisnumbered(long record) => Mark(Misnumbered, record);

    public void MarkWrongList(long record) => Mark(WrongLists, record);

    public void MarkStale(long record) => Mark(Stale, record);

    public void MarkSequence(NtfsReference known)
    {
        if (LostSequences.Count < MaxMarks)
            LostSequences.TryAdd(known.Record, known.Sequence);
    }

    public void Error(string code, string structure, long? offset, string message) => Add(code, Severity.Error, structure, offset, message);

    public void Warning(string code, string structure, long? offset, string message) => Add(code, Severity.Warning, structure, offset, message);

    public void Note(string code, string structure, long? offset, string message) => Add(code, Severity.Note, structure, offset, message);

    /// <summary>Reports what reading met.</summary>
    public void Error(DiskFormatException e)
    {
        IsIncomplete = true;
        Error(e.Code, e.Structure, e.Offset, e.Problem);
    }

    /// <summary>Reports what reading met in a file; not what was told when its records were looked at.</summary>
    public void Error(DiskFormatException e, long number)
    {
        IsIncomplete = true;
        if ((Facts[number].Flags & (NtfsFacts.Partial | NtfsFacts.Shares)) == 0)
            Error(e.Code, e.Structure, e.Offset, e.Problem);
    }

    /// <summary>Does a part of the check; what stops it is reported.</summary>
    public void Attempt(Action check)
    {
        try
        {
            check();
        }
        catch (DiskFormatException e)
        {
            Error(e);
        }
    }

    public void Progress(string what, long done, long total)
    {
        Options.Cancellation.ThrowIfCancellationRequested();
        if (what == _step && _sinceProgress++ < ProgressStep)
            return;
        (_step, _sinceProgress) = (what, 0);
        Options.Progress?.Report(new WorkProgress(what, done, total, done, total, null));
    }

    /// <summary>A file that was found to be one; null when its record cannot be used.</summary>
    public NtfsFile? Open(long number)
    {
        if (!Facts.Has(number) || !Facts[number].Is(NtfsFacts.InUse | NtfsFacts.Base))
            return null;
        var record = Mft.Load(number, out var problem, out _);
        if (number == NtfsMft.MftRecord && Mft.IsFromMirror)
            (record, problem) = (Mft.Record0, null);
        return problem is null ? new NtfsFile(Device, Geometry, Mft, record) : null;
    }

    private void Add(string code, Severity severity, string structure, long? offset, string message) =>
        Report.Add(code, severity, structure, offset is < 0 ? null : offset, message);

    private static void Mark<T>(HashSet<T> marks, T what)
    {
        if (marks.Count < MaxMarks)
            marks.Add(what);
    }

    // The records up to the first hole, cluster behind the end of the device, or cluster that the table has twice.
    private long CountRecords()
    {
        var content = Mft.Content;
        var seen = new RangeSet();
        var end = 0L;
        foreach (var run in content.Runs.Runs)
        {
            if (run.IsHole || seen.Overlaps(run.Lcn, run.Count))
                break;
            seen.Add(run.Lcn, run.Count);
            var there = Math.Min(run.Count << Geometry.ClusterShift, Device.Length - (run.Lcn << Geometry.ClusterShift));
            end += Math.Max(0, there);
            if (there < run.Count << Geometry.ClusterShift)
                break;
        }
        return Math.Min(content.Initialized, end) / Geometry.RecordSize;
    }
}
