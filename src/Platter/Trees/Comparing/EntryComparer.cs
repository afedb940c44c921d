using System.Globalization;
using Platter.FileSystems;

namespace Platter.Trees.Comparing;

/// <summary>Compares two entries of the same path.</summary>
internal sealed class EntryComparer(TreeSource first, TreeSource second, TreeCompareOptions options)
{
    private const DosAttributes ComparedAttributes = DosAttributes.ReadOnly | DosAttributes.Hidden | DosAttributes.System;

    private readonly ContentComparer _contents = new(first, second, options.Cancellation);
    private readonly bool _extendedAttributes = !options.ContentOnly && !options.IgnoreExtendedAttributes && BothHave(first, second, Features.ExtendedAttributes);
    private readonly bool _streams = BothHave(first, second, Features.NamedStreams) || BothHave(first, second, Features.ResourceForks);

    // The first path of each file of several names, per side.
    private readonly Dictionary<object, string> _firstNames = [], _secondNames = [];

    // Files of several names that were compared already, with what was found.
    private readonly Dictionary<(object, object), long?> _compared = [];

    /// <summary>Bytes of content compared so far.</summary>
    public long ComparedBytes => _contents.ComparedBytes;

    /// <summary>Compares the top directories, where both have metadata.</summary>
    public TreeDifference? CompareTops()
    {
        if (first.RootMetadata is not { } a || second.RootMetadata is not { } b)
            return null;
        var changes = new List<EntryChange>();
        CompareMetadata(changes, a, b);
        return changes.Count == 0 ? null : new TreeDifference { Path = "/", Kind = DifferenceKind.Changed, EntryKind = EntryKind.Directory, Changes = changes };
    }

    /// <returns>Null when there is no difference.</returns>
    public TreeDifference? Compare(TreeEntry a, string path, TreeEntry b)
    {
        var changes = new List<EntryChange>();
        if (a.Problem is not null || b.Problem is not null)
        {
            if (a.Problem is { } reason)
                changes.Add(Unreadable(reason, isFirst: true));
            if (b.Problem is { } other)
                changes.Add(Unreadable(other, isFirst: false));
        }
        else if (a.Kind != b.Kind)
        {
            changes.Add(new EntryChange(EntryPart.Type, Name(a.Kind), Name(b.Kind)));
        }
        else
        {
            CompareSubstance(changes, a, b);
            // A directory that only follows from what lies in it has no metadata of its own.
            if (!a.IsImplied && !b.IsImplied)
                CompareMetadata(changes, a.Metadata, b.Metadata);
            if (_extendedAttributes)
                Attempt(changes, () => CompareExtendedAttributes(changes, a, b));
            if (options.HardLinks)
                CompareNames(changes, a, path, b);
        }
        return changes.Count == 0 ? null : new TreeDifference { Path = path, Kind = DifferenceKind.Changed, EntryKind = b.Kind, Changes = changes };
    }

    public static EntryChange Unreadable(Exception reason, bool isFirst) =>
        isFirst ? new EntryChange(EntryPart.Unreadable, reason.Message, null) : new EntryChange(EntryPart.Unreadable, null, reason.Message);

    private static bool BothHave(TreeSource a, TreeSource b, Features feature) => a.Capabilities?.Has(feature) != false && b.Capabilities?.Has(feature) != false;

    private void CompareSubstance(List<EntryChange> changes, TreeEntry a, TreeEntry b)
    {
        switch (a.Kind)
        {
            case EntryKind.File:
                Attempt(changes, () => CompareContents(changes, a, b));
                break;
            case EntryKind.SymbolicLink when a.Metadata.LinkTarget != b.Metadata.LinkTarget:
                changes.Add(new EntryChange(EntryPart.LinkTarget, a.Metadata.LinkTarget, b.Metadata.LinkTarget));
                break;
            case EntryKind.CharacterDevice or EntryKind.BlockDevice when a.Metadata.Device != b.Metadata.Device:
                changes.Add(new EntryChange(EntryPart.Device, Text(a.Metadata.Device), Text(b.Metadata.Device)));
                break;
        }
    }

    private void CompareContents(List<EntryChange> changes, TreeEntry a, TreeEntry b)
    {
        if (a.Length != b.Length)
        {
            changes.Add(new EntryChange(EntryPart.Content, Bytes(a.Length), Bytes(b.Length)));
        }
        else
        {
            // The names of one file have one content, on both sides.
            var names = a.LinkIdentity is { } x && b.LinkIdentity is { } y ? (x, y) : ((object, object)?)null;
            if (names is not { } both || !_compared.TryGetValue(both, out var offset))
            {
                offset = _contents.Compare(a, b, StreamName.Data);
                if (names is { } pair)
                    _compared[pair] = offset;
            }
            if (offset is { } at)
                changes.Add(new EntryChange(EntryPart.Content, null, null) { Offset = at });
        }
        if (_streams && !options.ContentOnly)
            CompareStreams(changes, a, b);
    }

    private void CompareStreams(List<EntryChange> changes, TreeEntry a, TreeEntry b)
    {
        var (one, other) = (first.GetStreams(a), second.GetStreams(b));
        if (one.Count == 0 && other.Count == 0)
            return;
        var differing = new SortedSet<string>(StringComparer.Ordinal);
        var left = one.ToDictionary(s => s.Name, s => s.Length);
        foreach (var stream in other)
        {
            if (!left.Remove(stream.Name, out var length) || length != stream.Length || _contents.Compare(a, b, stream.Name) is not null)
                differing.Add(stream.Name.ToString());
        }
        foreach (var name in left.Keys)
            differing.Add(name.ToString());
        if (differing.Count > 0)
            changes.Add(new EntryChange(EntryPart.Streams, string.Join(", ", differing), null));
    }

    private void CompareMetadata(List<EntryChange> changes, FileMetadata a, FileMetadata b)
    {
        if (options.ContentOnly)
            return;
        if (!options.IgnoreModes && a.Kind != EntryKind.SymbolicLink && a.Mode is { } mode && b.Mode is { } otherMode && mode != otherMode)
            changes.Add(new EntryChange(EntryPart.Mode, Octal(mode), Octal(otherMode)));
        if (!options.IgnoreOwners && Owner(a) is { } owner && Owner(b) is { } otherOwner && owner != otherOwner)
            changes.Add(new EntryChange(EntryPart.Owner, owner, otherOwner));
        if (!options.IgnoreTimes && a.Modified is { } time && b.Modified is { } otherTime && AsStored(time) != AsStored(otherTime))
            changes.Add(new EntryChange(EntryPart.Modified, time.ToString(), otherTime.ToString()));
        if (a.DosAttributes is { } bits && b.DosAttributes is { } otherBits && ((bits ^ otherBits) & ComparedAttributes) != 0)
            changes.Add(new EntryChange(EntryPart.DosAttributes, (bits & ComparedAttributes).ToString(), (otherBits & ComparedAttributes).ToString()));
    }

    // A time that came from one side to the other was cut to what that one stores.
    private Timestamp AsStored(Timestamp time)
    {
        if (first.Capabilities?.Modified is { } one)
            time = one.Round(time);
        if (second.Capabilities?.Modified is { } other)
            time = other.Round(time);
        return first.Capabilities?.Modified is { } again ? again.Round(time) : time;
    }

    private void CompareExtendedAttributes(List<EntryChange> changes, TreeEntry a, TreeEntry b)
    {
        var (one, other) = (first.GetExtendedAttributes(a), second.GetExtendedAttributes(b));
        if (one.Count == 0 && other.Count == 0)
            return;
        var differing = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (name, value) in one)
        {
            if (!other.TryGetValue(name, out var found) || !value.AsSpan().SequenceEqual(found))
                differing.Add(name);
        }
        differing.UnionWith(other.Keys.Where(name => !one.ContainsKey(name)));
        if (differing.Count > 0)
            changes.Add(new EntryChange(EntryPart.ExtendedAttributes, Values(one, differing), Values(other, differing)));
    }

    // Names are of the same file as an earlier one, the first of which stands for them all.
    private void CompareNames(List<EntryChange> changes, TreeEntry a, string path, TreeEntry b)
    {
        var (one, other) = (FirstName(_firstNames, a, path), FirstName(_secondNames, b, path));
        if (one != other)
            changes.Add(new EntryChange(EntryPart.HardLink, one, other));
    }

    private static string FirstName(Dictionary<object, string> names, TreeEntry entry, string path)
    {
        if (entry.LinkIdentity is not { } identity)
            return path;
        if (names.TryGetValue(identity, out var known))
            return known;
        names.Add(identity, path);
        return path;
    }

    private static void Attempt(List<EntryChange> changes, Action compare)
    {
        try
        {
            compare();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or UnsupportedFeatureException)
        {
            // Which side it was, the message says.
            changes.Add(new EntryChange(EntryPart.Unreadable, e.Message, null));
        }
    }

    private static string Values(IReadOnlyDictionary<string, byte[]> attributes, IEnumerable<string> names)
    {
        const int shown = 32;
        return string.Join(", ", names.Select(n => attributes.TryGetValue(n, out var value)
            ? $"{n}=0x{Convert.ToHexStringLower(value.AsSpan(0, Math.Min(value.Length, shown)))}{(value.Length > shown ? "..." : "")}" : $"no {n}"));
    }

    private static string Name(EntryKind kind) => kind switch
    {
        EntryKind.SymbolicLink => "symbolic link",
        EntryKind.CharacterDevice => "character device",
        EntryKind.BlockDevice => "block device",
        _ => kind.ToString().ToLowerInvariant(),
    };

    private static string Octal(int mode) => Convert.ToString(mode, 8).PadLeft(4, '0');

    private static string Bytes(long length) => string.Create(CultureInfo.InvariantCulture, $"{length} bytes");

    private static string Text(DeviceNumber? device) => device is { } d ? string.Create(CultureInfo.InvariantCulture, $"{d.Major}:{d.Minor}") : "none";

    private static string? Owner(FileMetadata metadata) =>
        metadata.UserId is { } user && metadata.GroupId is { } group ? string.Create(CultureInfo.InvariantCulture, $"{user}:{group}") : null;
}
