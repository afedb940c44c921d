using System.Runtime.CompilerServices;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;

namespace Platter.Trees;

/// <summary>The reading half of a copy: walks the source and turns it into messages, contents in the ring.</summary>
internal sealed class CopyReader(TreeSource source, Capabilities target, CopyOptions options, bool snapshot)
{
    /// <summary>Unallocated bytes that make it worth asking a file for its holes; less is often inline data or compression.</summary>
    internal const long WorthwhileHole = 64 << 10;

    // For the same bytes every time, holes are where the content is zeros, not where this source happens to have them.
    private readonly HoleFinder? _holes = options.Epoch is not null ? new HoleFinder(target.Has(Features.SparseFiles)) : null;

    /// <summary>More parts than this are not listed ahead.</summary>
    private const int MaxOutline = 1 << 20;

    /// <summary>What the host copies on its own is copied in pieces: between two of them the copy can be cancelled, and progress is shown.</summary>
    private const long ExtentPiece = 16 << 20;

    /// <summary>Fewer bytes in one piece are sooner read, many pieces at once, than asked for one by one.</summary>
    private const long LeastExtent = 64 << 10;

    private Dictionary<object, TreeEntry>? _linked;

    /// <summary>Whether each entry comes with its outline, and its attributes in that.</summary>
    public bool Outlines { get; init; }

    /// <summary>Whether content that lies in a file of the host stays there, for the writer to have it copied.</summary>
    public bool Extents { get; init; }

    public IEnumerable<CopyMessage> Read(CopyFeed feed)
    {
        foreach (var walked in snapshot ? Snapshot(feed.Stop) : source.Walk(feed.Stop))
        {
            var entry = walked;
            if (entry.Problem is not null)
            {
                yield return new CopyMessage(CopyStep.Entry, entry) { Fault = entry.Problem };
                continue;
            }
            var losses = CopyLosses.None;
            if (entry.Kind == EntryKind.SymbolicLink && !target.Has(Features.SymbolicLinks) && options.MissingLinks == MissingLinks.CopyTarget
                && source.FollowLink(entry) is { } followed)
            {
                entry = followed;
                losses |= CopyLosses.LinkCopied;
            }
            if (entry.LinkIdentity is { } identity && entry.Kind != EntryKind.Directory)
            {
                if (FirstOf(identity, entry) is { } first)
                {
                    if (target.Has(Features.HardLinks))
                    {
                        yield return new CopyMessage(CopyStep.HardLink, entry) { Extra = first };
                        continue;
                    }
                    losses |= CopyLosses.HardLink;
                }
            }
            if (entry.Kind != EntryKind.File)
            {
                ReadExtras(entry, out var extras, out _);
                yield return new CopyMessage(CopyStep.Entry, entry) { Losses = losses | extras.Losses, Extra = Outlines ? new CopyOutline(extras.Attributes, null) : null };
                foreach (var message in ReadExtras(feed, entry, extras))
                    yield return message;
                continue;
            }
            foreach (var message in ReadFile(feed, entry, losses))
                yield return message;
        }
    }

    // The entry that was the first with this identity; null when this one is.
    private TreeEntry? FirstOf(object identity, TreeEntry entry)
    {
        _linked ??= [];
        if (_linked.TryGetValue(identity, out var first))
            return first;
        _linked.Add(identity, entry);
        return null;
    }

    // What is there now: the copy itself adds to it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private IEnumerable<TreeEntry> Snapshot(CancellationToken stop) => source.Walk(stop).ToArray();

    private IEnumerable<CopyMessage> ReadFile(CopyFeed feed, TreeEntry entry, CopyLosses losses)
    {
        var length = entry.Length;
        var holes = _holes is not null ? _holes.LooksInto(length) : entry.Metadata.AllocatedLength is { } allocated && allocated + WorthwhileHole <= length;
        if (length > feed.Ring.LongestRange || holes || length < 0)
        {
            foreach (var piece in ReadPieces(feed, entry, losses, holes))
                yield return piece;
            yield break;
        }
        var (offset, charge) = length == 0 ? (0, 0) : feed.Ring.Reserve((int)length, feed.Stop);
        var message = new CopyMessage(CopyStep.Entry, entry) { Whole = true, RingOffset = offset, Charge = charge, DeclaredLength = length };
        if (length > 0 && ReadWhole(entry, feed.Ring.Bytes(offset, (int)length), out var read, out message.Fault))
        {
            message.Charge = read < length ? feed.Ring.Shrink(offset, charge, (int)length, read) : charge;
            message.Length = read;
            message.DeclaredLength = read;
            if (read < length)
                losses |= CopyLosses.Changed;
        }
        ReadExtras(entry, out var extras, out var fault);
        message.Fault ??= fault;
        message.Losses = losses | extras.Losses;
        message.Extra = Outlines ? new CopyOutline(extras.Attributes, null) : null;
        yield return message;
        if (message.Fault is not null || extras.IsEmpty)
            yield break;
        foreach (var extra in ReadExtras(feed, entry, extras))
            yield return extra;
    }

    // In pieces: for what is too long for one message, or has holes.
    private IEnumerable<CopyMessage> ReadPieces(CopyFeed feed, TreeEntry entry, CopyLosses losses, bool holes)
    {
        ReadExtras(entry, out var extras, out var fault);
        TreeContent? content = null;
        if (fault is null)
            Attempt(() => source.OpenContent(entry, StreamName.Data), out content, out fault);
        if (content is not null && _holes is not null)
            content = _holes.In(content);
        using (content)
        {
            IReadOnlyList<Blocks.ByteRange>? data = null;
            if (Outlines && holes && fault is null)
                Attempt<IReadOnlyList<Blocks.ByteRange>?>(() => Outline(content!), out data, out fault);
            yield return new CopyMessage(CopyStep.Entry, entry)
            {
                Losses = losses | extras.Losses, Fault = fault, HasHoles = holes, DeclaredLength = content?.Length,
                Extra = Outlines ? new CopyOutline(extras.Attributes, data) : null,
            };
            if (fault is not null)
                yield break;
            foreach (var message in ReadContent(feed, entry, content!))
                yield return message;
        }
        if (extras.IsEmpty)
            yield break;
        foreach (var message in ReadExtras(feed, entry, extras))
            yield return message;
    }

    private static List<Blocks.ByteRange>? Outline(TreeContent content)
    {
        var data = new List<Blocks.ByteRange>();
        foreach (var range in content.DataRanges())
        {
            if (data.Count == MaxOutline)
                return null;
            data.Add(range);
        }
        return data;
    }

    /// <summary>The pieces of a content up to its end.</summary>
    private IEnumerable<CopyMessage> ReadContent(CopyFeed feed, TreeEntry entry, TreeContent content)
    {
        var position = 0L;
        Exception? fault;
        if (content.Length is { } length)
        {
            using var ranges = content.DataRanges().GetEnumerator();
            while (true)
            {
                if (!Attempt(ranges.MoveNext, out var more, out fault))
                    break;
                var range = more ? ranges.Current : new Blocks.ByteRange(length, 0);
                if (range.Offset > position)
                {
                    yield return new CopyMessage(CopyStep.Hole, entry) { Length = range.Offset - position };
                    position = range.Offset;
                }
                if (!more)
                    break;
                while (position < range.End && !feed.IsAbandoned(entry))
                {
                    if (!ReadPiece(feed, entry, content, position, range.End - position, out var piece, out fault))
                        break;
                    position += piece.Length;
                    if (piece.Length == 0)
                    {
                        // The file has shrunk since it was listed: what there was is what is kept.
                        yield return new CopyMessage(CopyStep.End, entry) { Losses = CopyLosses.Changed };
                        yield break;
                    }
                    yield return piece;
                }
                if (fault is not null || feed.IsAbandoned(entry))
                    break;
            }
        }
        else
        {
            while (ReadPiece(feed, entry, content, position, feed.Ring.LongestRange, out var piece, out fault) && piece.Length > 0 && !feed.IsAbandoned(entry))
            {
                position += piece.Length;
                yield return piece;
            }
        }
        yield return fault is null ? new CopyMessage(CopyStep.End, entry) : new CopyMessage(CopyStep.Fault, entry) { Fault = fault };
    }

    private bool ReadPiece(CopyFeed feed, TreeEntry entry, TreeContent content, long position, long wanted, out CopyMessage piece, out Exception? fault)
    {
        if (Extents && wanted > feed.Ring.LongestRange && TryFind(entry, content, position, wanted, out piece, out fault))
            return fault is null;

        var count = (int)Math.Min(wanted, feed.Ring.LongestRange);
        var (offset, charge) = feed.Ring.Reserve(count, feed.Stop);
        piece = new CopyMessage(CopyStep.Data, entry) { RingOffset = offset, Charge = charge };
        if (!Attempt(() => content.ReadFully(position, feed.Ring.Bytes(offset, count)), out var read, out fault))
            read = 0;
        piece.Charge = feed.Ring.Shrink(offset, charge, count, read);
        piece.Length = read;
        return fault is null;
    }

    private static bool TryFind(TreeEntry entry, TreeContent content, long position, long wanted, out CopyMessage piece, out Exception? fault)
    {
        piece = new CopyMessage(CopyStep.Extent, entry);
        if (!Attempt(() => content.FindOnHost(position, Math.Min(wanted, ExtentPiece)), out var extent, out fault))
            return true;
        if (extent is not { } found || found.Length < LeastExtent)
            return false;
        piece.Length = found.Length;
        piece.Extra = found;
        return true;
    }

    private readonly record struct EntryExtras(CopyLosses Losses, IReadOnlyDictionary<string, byte[]>? Attributes, IReadOnlyList<StreamDescription>? Streams)
    {
        /// <summary>Whether the entry has nothing besides its content that the target takes.</summary>
        public bool IsEmpty => Attributes is null && Streams is null;
    }

    private EntryExtras Extras(TreeEntry entry) => source.MayHaveExtras(entry) ? ReadExtras(entry) : default;

    private EntryExtras ReadExtras(TreeEntry entry)
    {
        var losses = CopyLosses.None;
        IReadOnlyDictionary<string, byte[]>? attributes = source.GetExtendedAttributes(entry);
        if (attributes.Count > 0 && !target.Has(Features.ExtendedAttributes))
        {
            if (entry.Kind == EntryKind.File && attributes.ContainsKey(NtfsDescription.EfsName))
                throw new UnsupportedFeatureException("is encrypted, and the target has no extended attributes for the keys, without which nobody can read it");
            losses |= CopyLosses.ExtendedAttributes;
            attributes = null;
        }
        if (AttributesAttribute.IsFor(entry.Kind, entry.Metadata.DosAttributes, target) && !attributes!.ContainsKey(AttributesAttribute.Name))
            attributes = new Dictionary<string, byte[]>(attributes, StringComparer.Ordinal) { [AttributesAttribute.Name] = AttributesAttribute.Encode(entry.Metadata.DosAttributes!.Value) };
        List<StreamDescription>? kept = null;
        var streams = source.GetStreams(entry);
        for (var i = 0; i < streams.Count; i++)
        {
            var stream = streams[i];
            var fork = stream.Name.Kind == StreamKind.ResourceFork;
            if (target.Has(fork ? Features.ResourceForks : Features.NamedStreams))
                (kept ??= []).Add(stream);
            else if (target.Has(Features.ExtendedAttributes) && StreamAttributes.NameOf(stream) is { } name && !attributes!.ContainsKey(name))
                attributes = new Dictionary<string, byte[]>(attributes, StringComparer.Ordinal) { [name] = ReadStream(entry, stream.Name) };
            else
                losses |= fork ? CopyLosses.ResourceForks : CopyLosses.NamedStreams;
        }
        return new EntryExtras(losses, attributes, kept);
    }

    private byte[] ReadStream(TreeEntry entry, StreamName stream)
    {
        using var content = source.OpenContent(entry, stream);
        var bytes = new byte[content.Length ?? 0];
        return content.ReadFully(0, bytes) == bytes.Length ? bytes : throw new EndOfStreamException($"{stream} is shorter than listed");
    }

    private IEnumerable<CopyMessage> ReadExtras(CopyFeed feed, TreeEntry entry, EntryExtras extras)
    {
        // Those of an encrypted file: on NTFS they make one of the file with all its streams.
        KeyValuePair<string, byte[]>? last = null;
        if (extras.Attributes is { Count: > 0 } attributes && !Outlines)
        {
            foreach (var attribute in attributes)
            {
                if (attribute.Key == NtfsDescription.EfsName)
                    last = attribute;
                else
                    yield return new CopyMessage(CopyStep.Attribute, entry) { Extra = attribute };
            }
        }
        foreach (var stream in extras.Streams ?? [])
        {
            var opened = Attempt(() => source.OpenContent(entry, stream.Name), out var content, out var fault);
            using (content)
            {
                yield return new CopyMessage(CopyStep.Stream, entry) { Extra = stream.Name, DeclaredLength = content?.Length, Fault = fault };
                if (!opened)
                    continue;
                foreach (var message in ReadContent(feed, entry, content!))
                    yield return message;
            }
        }
        if (last is { } keys)
            yield return new CopyMessage(CopyStep.Attribute, entry) { Extra = keys };
    }

    private bool ReadWhole(TreeEntry entry, Span<byte> buffer, out int read, out Exception? fault)
    {
        read = 0;
        fault = null;
        try
        {
            read = source.ReadWhole(entry, buffer);
        }
        catch (Exception e) when (IsOfSource(e))
        {
            fault = e;
        }
        return fault is null;
    }

    private void ReadExtras(TreeEntry entry, out EntryExtras extras, out Exception? fault)
    {
        extras = default;
        fault = null;
        try
        {
            extras = Extras(entry);
        }
        catch (Exception e) when (IsOfSource(e))
        {
            fault = e;
        }
    }

    internal static bool IsOfSource(Exception e) => e is IOException or UnauthorizedAccessException or UnsupportedFeatureException;

    /// <summary>Runs a step that reads the source; what goes wrong with this one entry is told, and the copy goes on.</summary>
    private static bool Attempt<T>(Func<T> step, out T? result, out Exception? fault)
    {
        try
        {
            result = step();
            fault = null;
            return true;
        }
        catch (Exception e) when (IsOfSource(e))
        {
            result = default;
            fault = e;
            return false;
        }
    }
}
