using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Brings everything that lies behind an end to free clusters before it: content and structures of all files, the volume's own among them.</summary>
/// <remarks>
/// <para>Two steps. <see cref="Plan"/> takes the new clusters and changes every map that names the old ones, all of which may still fail; then <see cref="Copy"/> brings the bytes over, and
/// only the device can fail. Until it has, all is still read and written where it was: the MFT, its bitmap and copy, $Bitmap, indexes. So these are copied as they are by then, like any
/// content. The new clusters were free at the last commit, and need no journal.</para>
/// <para>The longest files come first and get the longest room; the MFT, whose map leads to everything, before all others. Its own map changes last: storing the others may make it grow.</para>
/// </remarks>
/// <param name="state">The volume; its space has been cut at the end.</param>
/// <param name="end">The first cluster that the volume will not have.</param>
internal sealed class NtfsRelocation(NtfsEditState state, long end)
{
    private const int CopyBytes = 2 << 20;

    private readonly NtfsRoom _room = new(state.Space);
    private readonly GrowingArray<Move> _moves = new();
    private readonly List<LongRange> _left = [];        // clusters before the end that go along with what is behind it
    private readonly List<NtfsReference> _resized = [];

    /// <summary>Clusters that come to another place.</summary>
    private readonly record struct Move(long From, long To, long Count);

    /// <summary>A file with clusters behind the end, and how many.</summary>
    private readonly record struct Found(long Number, long Clusters, bool IsFile);

    /// <summary>The new map of an attribute, and which part of it is new.</summary>
    private readonly record struct Map(NtfsRunList Runs, long From, long To);

    private NtfsGeometry Geometry => state.Geometry;

    /// <summary>Clusters that move.</summary>
    public long Clusters { get; private set; }

    /// <summary>Finds new clusters for everything behind the end, and stores the maps.</summary>
    /// <exception cref="VolumeFullException">There are not enough.</exception>
    /// <exception cref="UnsupportedFeatureException">A map would become longer than a file can have it.</exception>
    public void Plan(ResizeOptions options)
    {
        var found = Find(options);
        var mft = PlanMft(found);
        var done = 0;
        foreach (var isFile in (bool[])[true, false])
        {
            foreach (var file in found)
            {
                if (file.IsFile != isFile || file.Number == NtfsMft.MftRecord)
                    continue;
                options.Cancellation.ThrowIfCancellationRequested();
                Do(() => MoveOut(file.Number));
                state.Space.Promised = Math.Max(0, state.Space.Promised - file.Clusters);
                Report(options, "planning", ++done, found.Count);
            }
            // Directories tell the sizes of files: before these are moved themselves.
            if (isFile && _resized.Count > 0)
                Do(() => new NtfsNames(state).RefreshStale(_resized.ToArray()));
        }
        if (mft is not null)
            Do(() => MoveMft(mft));
        foreach (var run in _left)
            state.Space.Release(run.Start, run.Length);
    }

    /// <summary>Brings the bytes over.</summary>
    public void Copy(ResizeOptions options)
    {
        var moves = _moves.ToArray();
        Array.Sort(moves, static (a, b) => a.From.CompareTo(b.From));
        var meter = new WorkMeter(options.Progress, "moving", Clusters << Geometry.ClusterShift, null);
        var buffer = new byte[Math.Max(CopyBytes, Geometry.ClusterSize)];
        foreach (var move in moves)
        {
            var (from, to, length) = (move.From << Geometry.ClusterShift, move.To << Geometry.ClusterShift, move.Count << Geometry.ClusterShift);
            for (var at = 0L; at < length; at += buffer.Length)
            {
                options.Cancellation.ThrowIfCancellationRequested();
                var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at));
                state.Changes.Read(from + at, part);
                state.Changes.WriteContent(to + at, part, state.Space.IsFreshRange(to + at, part.Length));
                meter.Add(part.Length);
            }
        }
    }

    private void Do(Action edit)
    {
        state.Begin();
        edit();
        state.Store();
        state.Keep();
    }

    // Longest first.
    private List<Found> Find(ResizeOptions options)
    {
        var clusters = new NumberMap<Found>();
        var mft = state.Volume.Mft;
        for (var number = 0L; number < mft.Count; number++)
        {
            if (number % 1024 == 0)
            {
                options.Cancellation.ThrowIfCancellationRequested();
                Report(options, "looking", number, mft.Count);
            }
            // What cannot be read is in use by nobody: the check would have told.
            var record = mft.Load(number, out var problem, out _);
            if (problem is not null || !record.IsInUse)
                continue;
            var file = record.IsBase ? number : record.Header.BaseRecord.Record;
            var behind = CountBehind(record, file);
            if (behind == 0)
                continue;
            var before = clusters.TryGetValue((ulong)file, out var there) ? there.Clusters : 0;
            clusters[(ulong)file] = new Found(file, before + behind, file >= NtfsRecords.FirstOfFiles && !mft.Read(file).IsDirectory);
            state.Space.Promised += behind;
        }
        var found = new List<Found>(clusters.Count);
        foreach (var number in clusters.SortedKeys())
            found.Add(clusters[number]);
        found.Sort(static (a, b) => a.Clusters != b.Clusters ? b.Clusters.CompareTo(a.Clusters) : a.Number.CompareTo(b.Number));
        return found;
    }

    private long CountBehind(NtfsRecord record, long file)
    {
        var behind = 0L;
        foreach (var attribute in record.Attributes)
        {
            if (attribute.IsResident || IsBad(file, attribute.Type, attribute.Name))
                continue;
            var runs = new NtfsRunList();
            if (runs.Decode(attribute.RunBytes, attribute.EndVcn - attribute.LowestVcn, Geometry.ClusterCount) is { } problem)
                throw new DiskFormatException("NTFS-0200", record.Structure, record.Offset + attribute.Offset, problem);
            foreach (var run in runs.Runs)
                behind += run.IsHole ? 0 : Math.Clamp(run.Lcn + run.Count - end, 0, run.Count);
        }
        return behind;
    }

    // What is bad stays where it is, and is forgotten.
    private static bool IsBad(long file, NtfsAttributeType type, ReadOnlySpan<char> name) =>
        file == NtfsMft.BadClustersRecord && type == NtfsAttributeType.Data && name.SequenceEqual("$Bad");

    // All attributes of the table with clusters behind the end: takes their new clusters, before anybody else does.
    private List<(NtfsAttributeType Type, string Name, Map Map)>? PlanMft(List<Found> found)
    {
        foreach (var file in found)
        {
            if (file.Number != NtfsMft.MftRecord)
                continue;
            var maps = new List<(NtfsAttributeType, string, Map)>();
            Do(() =>
            {
                foreach (var content in Contents(state.File(new NtfsReference(NtfsMft.MftRecord, 0))))
                {
                    if (Moved(content, Whole(NtfsMft.MftRecord, content.Type, content.Runs.End)) is { } map)
                        maps.Add((content.Type, content.Name, map));
                }
            });
            state.Space.Promised -= file.Clusters;
            return maps;
        }
        return null;
    }

    private void MoveMft(List<(NtfsAttributeType Type, string Name, Map Map)> maps)
    {
        var file = state.File(new NtfsReference(NtfsMft.MftRecord, 0));
        foreach (var (type, name, map) in maps)
        {
            var content = file.Open(type, name)!;
            // It may have grown in the meantime.
            for (var rest = content.Runs.Find(map.Runs.End); rest is { } run; rest = content.Runs.Find(map.Runs.End))
                map.Runs.Add(run.Lcn, run.Count);
            content.MoveTo(map.Runs, map.From, map.To);
        }
        file.Layout.LeaveList(end);
        state.Store();
        RequireReach(file);
    }

    // The records that hold the rest of the table's map lie in what is mapped before them.
    private void RequireReach(NtfsFileEditor mft)
    {
        foreach (var extent in mft.Extents(NtfsAttributeType.Data, ""))
        {
            if (extent.Record != NtfsMft.MftRecord && (extent.Record + 1) * Geometry.RecordSize > extent.LowestVcn << Geometry.ClusterShift)
                throw new UnsupportedFeatureException($"the map of $MFT would need record {extent.Record} before it can be read");
        }
    }

    private void MoveOut(long number)
    {
        if (number == NtfsMft.BootRecord)
            throw state.Space.Full(1);
        var file = state.File(new NtfsReference(number, 0));
        var wasResident = file.Open(NtfsAttributeType.Data) is { IsResident: true };
        foreach (var content in Contents(file))
        {
            if (!IsBad(number, content.Type, content.Name) && Moved(content, Whole(number, content.Type, content.Runs.End)) is { } map)
                content.MoveTo(map.Runs, map.From, map.To);
        }
        file.Layout.LeaveList(end);
        state.Store();
        if (wasResident && file.Open(NtfsAttributeType.Data) is { IsResident: false })
            _resized.Add(file.Reference);
    }

    // Attributes in clusters.
    private List<NtfsContentEditor> Contents(NtfsFileEditor file)
    {
        var contents = new List<NtfsContentEditor>();
        foreach (var held in file.Held.ToArray())
        {
            if (held.LowestVcn == 0 && !file.Loaded(held).IsResident)
                contents.Add(file.Open(held.Type, held.Name)!);
        }
        return contents;
    }

    // What had better not be cut, and what must not at its beginning: drivers read the copy of the MFT, and its first record, in one piece.
    private (long Whole, long Least) Whole(long number, NtfsAttributeType type, long clusters)
    {
        if (number == NtfsMft.MirrorRecord && type == NtfsAttributeType.Data)
            return (clusters, clusters);
        var ofRecord = Geometry.ClustersFor(Geometry.RecordSize);
        if (number == NtfsMft.MftRecord && type == NtfsAttributeType.Data)
            return (ofRecord, ofRecord);
        return (type == NtfsAttributeType.IndexAllocation ? Geometry.ClustersFor(Geometry.IndexBlockSize) : 1, 1);
    }

    // Null when nothing of it is behind the end.
    private Map? Moved(NtfsContentEditor content, (long Whole, long Least) piece)
    {
        var (from, to) = (-1L, -1L);
        var moved = new NtfsRunList();
        for (var at = 0L; content.Runs.Find(at) is { } run;)
        {
            var stays = run.IsHole ? run.Count : Math.Clamp(end - run.Lcn, 0, run.Count);
            // What is to stay together goes together.
            if (stays < run.Count)
                stays = Math.Max(0, (run.Vcn + stays) / piece.Whole * piece.Whole - run.Vcn);
            if (stays > 0)
                moved.Add(run.Lcn, stays);
            at = run.Vcn + stays;
            if (stays == run.Count)
                continue;
            from = from < 0 ? at : from;
            var until = EndOfStretch(content.Runs, at);
            Take(content.Runs, moved, at, until, at == 0 ? (piece.Whole, Math.Min(piece.Least, until)) : (piece.Whole, 1));
            at = to = until;
        }
        return from < 0 ? null : new Map(moved, from, to);
    }

    // Behind the clusters from one on that all move: up to a hole, or to a run that stays.
    private long EndOfStretch(NtfsRunList runs, long from)
    {
        var until = runs.Find(from)!.Value.End;
        while (runs.Find(until) is { IsHole: false } next && next.Lcn >= end)
            until = next.End;
        return until;
    }

    private void Take(NtfsRunList old, NtfsRunList moved, long from, long until, (long Whole, long Least) piece)
    {
        for (var at = from; at < until;)
        {
            var behind = moved.Count > 0 && moved[moved.Count - 1] is { IsHole: false } last ? last.Lcn + last.Count : -1;
            var taken = _room.Take(behind, until - at, piece.Whole, piece.Least);
            moved.Add(taken.Start, taken.Length);
            Note(old, at, taken);
            at += taken.Length;
            piece.Least = 1;
        }
    }

    private void Note(NtfsRunList old, long vcn, LongRange taken)
    {
        for (var done = 0L; done < taken.Length;)
        {
            var run = old.Find(vcn + done)!.Value;
            var count = Math.Min(run.Count, taken.Length - done);
            var last = _moves.Count - 1;
            if (last >= 0 && _moves[last].From + _moves[last].Count == run.Lcn && _moves[last].To + _moves[last].Count == taken.Start + done)
                _moves[last] = _moves[last] with { Count = _moves[last].Count + count };
            else
                _moves.Add(new Move(run.Lcn, taken.Start + done, count));
            if (run.Lcn < end)
                _left.Add(new LongRange(run.Lcn, Math.Min(count, end - run.Lcn)));
            Clusters += count;
            done += count;
        }
    }

    private static void Report(ResizeOptions options, string stage, long done, long total) => options.Progress?.Report(new WorkProgress(stage, 0, null, done, total, null));
}
