using System.Text;
using Platter.FileSystems;

namespace Platter.Testing.Volumes;

/// <summary>One filesystem as the conformance suites see it: how to make, reopen and judge a volume, and the rules of its names.</summary>
/// <remarks>A case makes its own fixture, uses it from one thread and disposes it. What <see cref="Capabilities"/> says is not repeated here.</remarks>
public abstract class VolumeFixture : IDisposable
{
    /// <summary>The clock that every volume of this fixture gets.</summary>
    public SettableClock Clock { get; } = new();

    /// <summary>Bytes of an ordinary case's volume: at least 4 MiB and 400 clusters.</summary>
    public virtual long Length => 4 << 20;

    /// <summary>Bytes of the smallest volume that the type allows: the cases on a full volume fill it.</summary>
    public virtual long SmallLength => 1 << 20;

    /// <summary>Characters that no name may hold, besides the control characters and <c>/</c>.</summary>
    public virtual string ForbiddenCharacters => "";

    /// <summary>Whether U+0001 to U+001F may be in a name.</summary>
    public virtual bool AllowsControlCharacters => false;

    /// <summary>Whether a name may end in a dot or a space.</summary>
    public virtual bool AllowsTrailingDotOrSpace => true;

    /// <summary>Whether names such as CON, NUL.txt and LPT1 are refused.</summary>
    public virtual bool RefusesDeviceNames => false;

    /// <summary>Whether characters beyond ASCII, and beyond the BMP, can be in a name.</summary>
    public virtual bool AllowsUnicode => true;

    /// <summary>Whether case is ignored beyond ASCII too (only asked when case is ignored at all).</summary>
    public virtual bool FoldsUnicode => true;

    /// <summary>The form in which a name is stored: HFS+ decomposes.</summary>
    public virtual string StoredName(string name) => name;

    /// <summary>How many entries of one short name (<c>A1</c>) the root can hold; null when it grows as other directories do.</summary>
    public virtual int? RootEntries => null;

    /// <summary>Whether a listing reads a directory piece by piece; false where a directory is small by nature and read at once (FAT: 2 MiB).</summary>
    public virtual bool ListsLazily => true;

    /// <summary>By how many bytes the free space may stay lower after something was made and deleted again (structures that only grow).</summary>
    public virtual long FreeBytesSlack => 0;

    /// <summary>The longest files that cases on content make, in clusters: fewer where clusters are very large.</summary>
    public virtual int MostClusters => int.MaxValue;

    /// <summary>What a file of a byte behind a hole may take at most.</summary>
    public virtual long SparseFileSlack => 100_000;

    /// <summary>By how much a file's content may lower the free space beyond its own clusters (indirect blocks, extents, records).</summary>
    public virtual long ContentOverhead(long length) => 0;

    /// <summary>Whether a label can be stored; by default every label of capital letters up to the longest.</summary>
    public virtual string SampleLabel => "PLATTER";

    /// <summary>The extended attribute names used in cases: some filesystems know certain namespaces only.</summary>
    public virtual string SampleAttributeName => "user.platter";

    /// <summary>The most bytes of extended attributes that a node can be sure to have room for.</summary>
    public virtual int MaxAttributeLength => int.MaxValue;

    /// <summary>Attributes that random edits leave out, since with them a file can be of another kind: on NTFS an empty system file is a FIFO.</summary>
    public virtual DosAttributes AttributesWithMeaning => DosAttributes.None;

    /// <summary>The device below, when there is one that can be asked for its bytes.</summary>
    public virtual ScratchDevice? Device => null;

    /// <summary>Makes an empty volume of about <paramref name="length"/> bytes and opens it.</summary>
    public abstract EditableVolume Create(long length);

    /// <summary>Opens again what the last volume committed; that volume has been disposed.</summary>
    public abstract EditableVolume Reopen();

    /// <summary>Runs the type's own checker over what was committed; null when there is none.</summary>
    public abstract CheckReport? Check();

    /// <summary>Has somebody else look at what was committed, such as <c>fsck.vfat -n</c>.</summary>
    /// <returns>What is wrong in his eyes, or null.</returns>
    public virtual string? Judge() => null;

    /// <summary>Opens another copy of the volume that has only the bytes of <see cref="Volume.AllocatedRanges"/>; null without a device.</summary>
    public virtual Volume? OpenUsedOnly(Volume volume) => null;

    /// <summary>Whether the filesystem accepts a name; the cases try both kinds.</summary>
    public virtual bool IsNameAllowed(string name, Capabilities capabilities)
    {
        if (name is "" or "." or ".." || name.Contains('/') || name.Contains('\0'))
            return false;
        if (LengthOf(name, capabilities) > capabilities.MaxNameLength || name.AsSpan().IndexOfAny(ForbiddenCharacters) >= 0)
            return false;
        if (!AllowsControlCharacters && name.AsSpan().IndexOfAnyInRange('\0', '\x1F') >= 0)
            return false;
        if (!AllowsTrailingDotOrSpace && name[^1] is '.' or ' ')
            return false;
        if (!AllowsUnicode && !Ascii.IsValid(name))
            return false;
        return !(RefusesDeviceNames && IsDeviceName(name));
    }

    /// <summary>The length of a name in the filesystem's own unit.</summary>
    public static int LengthOf(string name, Capabilities capabilities) =>
        capabilities.NameUnit == NameUnit.Bytes ? Encoding.UTF8.GetByteCount(name) : name.Length;

    /// <summary>How the filesystem compares names, apart from the volume's own word for it.</summary>
    public virtual IEqualityComparer<string> NameComparer(Capabilities capabilities) =>
        capabilities.CaseSensitive ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase;

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }

    private static bool IsDeviceName(string name)
    {
        var stem = name.Split('.')[0].TrimEnd(' ').ToUpperInvariant();
        return stem is "CON" or "PRN" or "AUX" or "NUL"
            || (stem.Length == 4 && (stem.StartsWith("COM", StringComparison.Ordinal) || stem.StartsWith("LPT", StringComparison.Ordinal))
                && stem[3] is >= '1' and <= '9');
    }
}
