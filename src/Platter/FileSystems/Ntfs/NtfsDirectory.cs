using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>What a directory says of what a name leads to: the copies in its index, which may be older than the record.</summary>
internal readonly record struct NtfsName(NtfsNamespace Namespace, NtfsReference File, uint Attributes, uint ReparseTag, bool HasEa, long DataSize)
{
    public bool IsDirectory => (Attributes & NtfsFileAttributes.HasNameIndex) != 0;
    public bool IsReparsePoint => (Attributes & (uint)DosAttributes.ReparsePoint) != 0;
}

/// <summary>One directory: its names listed, or found through the index.</summary>
internal sealed class NtfsDirectory
{
    /// <summary>The name of a directory's index.</summary>
    public const string IndexName = "$I30";

    private readonly NtfsFile _file;
    private readonly NtfsIndex _index;

    /// <exception cref="DiskFormatException">There is no index, or its root is damaged.</exception>
    public NtfsDirectory(NtfsGeometry geometry, NtfsFile file, NtfsNodes nodes)
    {
        _file = file;
        _index = NtfsIndex.Open(geometry, file, IndexName, nodes)
            ?? throw new DiskFormatException("NTFS-0112", file.Base.Structure, file.Base.Offset, "is a directory without $INDEX_ROOT:$I30");
    }

    private string Structure => "Record " + _file.Base.Number + ", $I30";

    /// <summary>All names, short ones too, in the order of the index.</summary>
    public NtfsIndexTree.Walk Names() => new(_index, leavesBlocks: true);

    /// <summary>Finds a name; one that differs by case alone counts when there is no exact one.</summary>
    /// <param name="name">What is looked for.</param>
    /// <param name="upcase">The volume's capitals.</param>
    /// <param name="isCaseSensitive">Then only the exact one counts.</param>
    public NtfsReference? Find(string name, NtfsUpcase upcase, bool isCaseSensitive)
    {
        if (name.Length is 0 or > NtfsFileName.MaxNameLength)
            return null;
        var found = _index.Find(key => upcase.Compare(name, NtfsCollation.NameOf(key)),
            isCaseSensitive ? null : key => upcase.CompareIgnoringCase(name, NtfsCollation.NameOf(key)));
        return found is { } item ? Parse(item.Key, item.File).File : null;
    }

    /// <summary>What an entry of <see cref="Names"/> says beside its name.</summary>
    /// <param name="value">Its key.</param>
    /// <param name="file">What it leads to.</param>
    /// <exception cref="DiskFormatException">It is damaged, or another directory's.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public NtfsName Parse(ReadOnlySpan<byte> value, NtfsReference file)
    {
        if (NtfsFileNames.Problem(value) is { } problem)
            throw new DiskFormatException("NTFS-0303", Structure, _file.Base.Offset, problem);
        ref readonly var key = ref OnDisk.View<NtfsFileName>(value);
        // A name of another directory: index blocks that several directories share would multiply their names without end.
        if (key.Parent.Record != _file.Base.Number)
            throw new DiskFormatException("NTFS-0305", Structure, _file.Base.Offset, $"'{NtfsCollation.NameOf(value)}' is a name in the directory of record {key.Parent.Record}");
        uint attributes = key.Attributes, tagOrSize = key.ReparseTagOrEaSize;
        var isReparsePoint = (attributes & (uint)DosAttributes.ReparsePoint) != 0;
        return new NtfsName(key.Namespace, file, attributes, isReparsePoint ? tagOrSize : 0U,
            !isReparsePoint && tagOrSize != 0U, (long)(ulong)key.DataSize);
    }
}

/// <summary>The rules of $FILE_NAME values, in records and as keys.</summary>
internal static class NtfsFileNames
{
    /// <summary>What is wrong with a value, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static string? Problem(ReadOnlySpan<byte> value)
    {
        if (value.Length < NtfsFileName.Size)
            return $"a name's value has {value.Length} bytes, expected at least {NtfsFileName.Size}";
        ref readonly var name = ref OnDisk.View<NtfsFileName>(value);
        if (name.NameLength == 0 || NtfsFileName.Size + 2 * name.NameLength > value.Length)
            return $"a name's value of {value.Length} bytes has a name of {name.NameLength} units";
        return name.Namespace > NtfsNamespace.Win32AndDos ? $"a name is of the namespace {(byte)name.Namespace}, expected 0..3" : null;
    }
}
