using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The names of files that are edited: in their records, and in the indexes of their directories.</summary>
/// <remarks>
/// A name stands twice: as $FILE_NAME in the file's record and as a key in its directory's index, with copies of times, sizes and attributes. The copies
/// of what was changed are brought up to date before a commit, in all names of a file: see <see cref="MarkStale"/>.
/// </remarks>
internal sealed class NtfsNames(NtfsEditState state)
{
    private const int MaxStale = 4096;

    private readonly NumberMap<int> _stale = new();        // references; the keys alone count

    public bool HasStale => _stale.Count > 0;
    public bool HasManyStale => _stale.Count >= MaxStale;

    /// <summary>Brings a value of $FILE_NAME up to what the file is now.</summary>
    public static void Refresh(NtfsFileEditor file, NtfsHeld name)
    {
        var value = ValueOf(name);
        Refresh(file, value);
        file.Replace(name, NtfsAttributeBytes.Resident(NtfsAttributeType.FileName, "", value));
    }

    /// <summary>The value of $FILE_NAME for a file as it is now.</summary>
    public static byte[] Value(NtfsFileEditor file, NtfsReference parent, string name, NtfsNamespace space)
    {
        var value = new byte[NtfsFileName.Size + 2 * name.Length];
        ref var head = ref OnDisk.Edit<NtfsFileName>(value);
        head.Parent = parent;
        head.NameLength = (byte)name.Length;
        head.Namespace = space;
        MemoryMarshal.AsBytes(name.AsSpan()).CopyTo(value.AsSpan(NtfsFileName.Size));
        Refresh(file, value);
        return value;
    }

    /// <summary>What a name in a directory leads to; one that differs by case alone counts when there is no exact one. Null when there is none.</summary>
    public NtfsReference? Find(NtfsFileEditor directory, string name)
    {
        if (name.Length is 0 or > NtfsFileName.MaxNameLength)
            return null;
        var upcase = state.Volume.Upcase;
        var isCaseSensitive = (NtfsStandard.Read(directory).Flags & NtfsStandardInformation.CaseSensitive) != 0;
        var found = state.Index(directory).Find(key => upcase.Compare(name, NtfsCollation.NameOf(key)),
            isCaseSensitive ? null : key => upcase.CompareIgnoringCase(name, NtfsCollation.NameOf(key)));
        // The root's name for itself is none.
        return found is { } item && item.File.Record != directory.Number ? item.File : null;
    }

    /// <summary>Puts a name into a directory's index.</summary>
    public void Insert(NtfsFileEditor directory, NtfsReference file, ReadOnlySpan<byte> value)
    {
        if (!state.Index(directory).TryInsert(NtfsIndexEntries.OfName(file, value)))
            throw new AlreadyExistsException(NtfsCollation.NameOf(value).ToString());
    }

    /// <summary>Takes a name out of a directory's index.</summary>
    /// <exception cref="DiskFormatException">It is not there.</exception>
    public void Remove(NtfsFileEditor directory, ReadOnlySpan<byte> value)
    {
        if (!state.Index(directory).TryRemove(value))
            throw new DiskFormatException("NTFS-0902", $"Record {directory.Number}, $I30", directory.Base.Offset, $"has no entry '{NtfsCollation.NameOf(value)}', and a record has that name");
    }

    /// <summary>Puts other copies into a name of a directory's index.</summary>
    public void Update(NtfsFileEditor directory, NtfsReference file, ReadOnlySpan<byte> value) => state.Index(directory).TryUpdate(NtfsIndexEntries.OfName(file, value));

    /// <summary>Opens the leaf of a directory's index that a name belongs to.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="key">A $FILE_NAME value with that name.</param>
    /// <returns>Null when the name is there, or the index has no leaves but its root.</returns>
    public NtfsOpenLeaf? OpenLeaf(NtfsFileEditor directory, ReadOnlySpan<byte> key) =>
        state.Index(directory).WayTo(key) is { } way ? new NtfsOpenLeaf(directory, way, state.Volume.Upcase) : null;

    /// <summary>Puts a name where an open leaf has no room for it, within an edit: the leaf is written, and cut.</summary>
    /// <param name="leaf">The leaf, which is no longer to be used when this succeeds.</param>
    /// <param name="file">What the name leads to.</param>
    /// <param name="value">Its $FILE_NAME value.</param>
    /// <param name="time">When.</param>
    /// <exception cref="VolumeFullException">There is no room for a block. The edit is to be undone.</exception>
    public void Overflow(NtfsOpenLeaf leaf, NtfsReference file, ReadOnlySpan<byte> value, ulong time)
    {
        state.Write(leaf, time);
        Insert(state.File(leaf.Directory), file, value);
    }

    /// <summary>The names of a file, as they stand in its records.</summary>
    /// <exception cref="DiskFormatException">One of them is damaged.</exception>
    public static List<NtfsHeld> Of(NtfsFileEditor file)
    {
        var names = file.FindAll(NtfsAttributeType.FileName);
        foreach (var held in names)
        {
            if ((held.IsResident ? NtfsFileNames.Problem(held.Value) : "a name is not resident") is { } problem)
                throw new DiskFormatException("NTFS-0113", $"{file.Base.Structure}, $FILE_NAME", file.Base.Offset, problem);
        }
        return names;
    }

    /// <summary>The name of a file in a directory; null when it has none there.</summary>
    public static NtfsHeld? Find(List<NtfsHeld> names, NtfsFileEditor directory, ReadOnlySpan<char> name)
    {
        foreach (var held in names)
        {
            if (ParentOf(held) == directory.Number && NtfsCollation.NameOf(held.Value).SequenceEqual(name))
                return held;
        }
        return null;
    }

    /// <summary>The other half of a long name and its short one; null where there is no such pair.</summary>
    public static NtfsHeld? PartnerOf(List<NtfsHeld> names, NtfsHeld name)
    {
        if (NamespaceOf(name) is not (NtfsNamespace.Win32 or NtfsNamespace.Dos))
            return null;
        var wanted = NamespaceOf(name) == NtfsNamespace.Win32 ? NtfsNamespace.Dos : NtfsNamespace.Win32;
        foreach (var held in names)
        {
            if (NamespaceOf(held) == wanted && ParentOf(held) == ParentOf(name))
                return held;
        }
        return null;
    }

    /// <summary>The value of a name, without what others may have left behind it: as a key of an index it must end with the name.</summary>
    public static byte[] ValueOf(NtfsHeld name) => name.Value[..(NtfsFileName.Size + 2 * OnDisk.View<NtfsFileName>(name.Value).NameLength)].ToArray();

    public static NtfsNamespace NamespaceOf(NtfsHeld name) => OnDisk.View<NtfsFileName>(name.Value).Namespace;

    public static long ParentOf(NtfsHeld name) => OnDisk.View<NtfsFileName>(name.Value).Parent.Record;

    public static string TextOf(NtfsHeld name) => NtfsCollation.NameOf(name.Value).ToString();

    /// <summary>The copies in a file's names are no longer what its record says.</summary>
    public void MarkStale(NtfsFileEditor file)
    {
        if (file.Number >= NtfsMft.FirstFreeRecord)
            _stale[file.Reference.Raw] = 0;
    }

    /// <summary>The files whose copies are no longer up to date.</summary>
    public NtfsReference[] Stale()
    {
        var keys = _stale.SortedKeys();
        var all = new NtfsReference[keys.Length];
        for (var i = 0; i < all.Length; i++)
            all[i] = new NtfsReference(keys[i]);
        return all;
    }

    /// <summary>Brings the copies of some of them up to date, within an edit. Makes nothing longer.</summary>
    public void RefreshStale(NtfsReference[] files)
    {
        foreach (var reference in files)
        {
            if (IsThere(reference))
                Refresh(state.File(reference));
        }
    }

    /// <summary>All copies are up to date; or the volume went back.</summary>
    public void ForgetStale() => _stale.Clear();

    // Files that were made and undone, or deleted since.
    private bool IsThere(NtfsReference reference)
    {
        if (reference.Record >= state.Volume.Mft.Count)
            return false;
        var record = state.Volume.Mft.Read(reference.Record);
        return record.IsInUse && record.Header.SequenceNumber == reference.Sequence;
    }

    private void Refresh(NtfsFileEditor file)
    {
        foreach (var held in Of(file))
        {
            var value = ValueOf(held);
            Refresh(file, value);
            if (!held.Value.SequenceEqual(value))
                file.Replace(held, NtfsAttributeBytes.Resident(NtfsAttributeType.FileName, "", value));
            Update(state.File(OnDisk.View<NtfsFileName>(value).Parent.Value), file.Reference, value);
        }
    }

    private static void Refresh(NtfsFileEditor file, byte[] value)
    {
        var information = NtfsStandard.Read(file);
        ref var head = ref OnDisk.Edit<NtfsFileName>(value);
        head.Created = information.Created;
        head.Modified = information.Modified;
        head.Changed = information.Changed;
        head.Accessed = information.Accessed;
        head.Attributes = NtfsFileAttributes.OfName(information.Attributes, file.Flags);
        var data = (file.Flags & NtfsRecordFlags.Directory) != 0 ? null : file.Open(NtfsAttributeType.Data);
        head.AllocatedSize = (ulong)(data?.Allocated ?? 0);
        head.DataSize = (ulong)(data?.Length ?? 0);
        head.ReparseTagOrEaSize = file.Open(NtfsAttributeType.ReparsePoint) is { Length: >= NtfsReparseHeader.Size } reparse ? Tag(reparse)
            : file.Find(NtfsAttributeType.EaInformation) is { IsResident: true } ea && ea.Value.Length >= NtfsEaInformation.Size
                ? OnDisk.View<NtfsEaInformation>(ea.Value).PackedLength : 0U;
    }

    private static uint Tag(NtfsContentEditor reparse)
    {
        Span<byte> tag = stackalloc byte[4];
        reparse.Read(0, tag);
        return OnDisk.View<U32Le>(tag);
    }
}
