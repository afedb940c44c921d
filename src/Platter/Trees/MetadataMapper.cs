using Platter.FileSystems;
using Platter.FileSystems.Ntfs;

namespace Platter.Trees;

/// <summary>Turns what a source knows of an entry into what the target can hold, and counts what falls by the wayside.</summary>
/// <param name="target">What the target can hold.</param>
/// <param name="options">What is wanted of it.</param>
/// <param name="tally">Counts.</param>
/// <param name="targetOwner">Whose everything becomes where that can't be chosen.</param>
/// <param name="surroundings">The directory that the entries at the top lie in; null when it is not known.</param>
internal sealed class MetadataMapper(Capabilities target, CopyOptions options, CopyTally tally, Ownership? targetOwner, FileMetadata? surroundings)
{
    private const int SetIdBits = 0xC00;      // 06000
    private const int WriteBits = 0x92;       // 0222
    private const int OwnerWrite = 0x80;      // 0200

    private KnownSecurity _files, _directories;

    /// <param name="entry">Whom losses are counted for; null for the top directory, whose losses are not counted.</param>
    /// <param name="from">What is known of it.</param>
    public MetadataChange Map(TreeEntry? entry, FileMetadata from)
    {
        MapPermissions(entry, from, out var mode, out var attributes);
        MapOwner(entry, from, ref mode, out var user, out var group);
        Drop(entry, from.FinderInfo is not null && !target.Has(Features.FinderInfo), LossKind.FinderInfo);
        if (from.SecurityDescriptor is { } descriptor && entry is not null && !target.Has(Features.SecurityDescriptors))
            DropSecurity(entry, descriptor);
        return new MetadataChange
        {
            Modified = MapModified(entry, from.Modified),
            Created = MapOther(from.Created, target.Created),
            Accessed = MapOther(from.Accessed, target.Accessed),
            Mode = mode,
            UserId = user,
            GroupId = group,
            DosAttributes = attributes,
            Compressed = Stored(from, DosAttributes.Compressed),
            Sparse = from.Kind == EntryKind.File ? Stored(from, DosAttributes.Sparse) : null,
            FinderInfo = target.Has(Features.FinderInfo) ? from.FinderInfo : null,
            SecurityDescriptor = target.Has(Features.SecurityDescriptors) ? from.SecurityDescriptor : null,
        };
    }

    private void DropSecurity(TreeEntry entry, byte[] descriptor)
    {
        var directory = (entry.Parent?.Metadata ?? surroundings)?.SecurityDescriptor;
        var isDirectory = entry.Kind == EntryKind.Directory || (entry.Metadata.DosAttributes & DosAttributes.Directory) is not (null or DosAttributes.None);
        ref var known = ref isDirectory ? ref _directories : ref _files;
        // Of the files of a directory nearly all have the same one.
        if (!ReferenceEquals(known.Of, descriptor) || !ReferenceEquals(known.In, directory))
            known = new KnownSecurity(descriptor, directory, directory is not null && NtfsInheritance.IsInherited(directory, descriptor, isDirectory));
        tally.Lose(known.IsInherited ? LossKind.InheritedSecurity : LossKind.SecurityDescriptors, entry);
    }

    // What was found out of a descriptor last.
    private readonly struct KnownSecurity(byte[] of, byte[]? directory, bool isInherited)
    {
        public readonly byte[]? Of = of, In = directory;
        public readonly bool IsInherited = isInherited;
    }

    // What is not compressed at its source may inherit that where it goes.
    private bool? Stored(FileMetadata from, DosAttributes bit) =>
        from.Kind is EntryKind.File or EntryKind.Directory && from.DosAttributes is { } attributes && (attributes & target.StorageAttributes & bit) != 0 ? true : null;

    private void MapPermissions(TreeEntry? entry, FileMetadata from, out int? mode, out DosAttributes? attributes)
    {
        var file = from.Kind == EntryKind.File;
        mode = null;
        if (target.Has(Features.Mode))
        {
            // A read-only file of a filesystem without modes stays read-only; for the rest the target's default is right.
            mode = from.Mode ?? (file && from.DosAttributes is { } dos && dos.HasFlag(DosAttributes.ReadOnly) ? 0x1FF & ~WriteBits & ~0x49 : null);
        }
        else
        {
            Drop(entry, from.Mode is not null, LossKind.Mode);
        }
        attributes = null;
        if (target.Has(Features.DosAttributes))
        {
            attributes = from.DosAttributes & target.SettableAttributes;
            if (attributes is null && file && from.Mode is { } bits && (bits & OwnerWrite) == 0)
                attributes = DosAttributes.ReadOnly | DosAttributes.Archive;
        }
        else
        {
            Drop(entry, !AttributesAttribute.IsFor(from.Kind, from.DosAttributes, target) && ((from.DosAttributes ?? DosAttributes.None) & (DosAttributes.Hidden | DosAttributes.System)) != DosAttributes.None, LossKind.DosAttributes);
        }
    }

    private void MapOwner(TreeEntry? entry, FileMetadata from, ref int? mode, out uint? user, out uint? group)
    {
        user = options.Owner?.UserId ?? from.UserId;
        group = options.Owner?.GroupId ?? from.GroupId;
        if (target.Has(Features.Owner))
            return;
        var lost = (user is not null || group is not null) && (targetOwner is null || user != targetOwner?.UserId || group != targetOwner?.GroupId);
        Drop(entry, lost, LossKind.Owner);
        if (mode is { } bits && (bits & SetIdBits) != 0 && lost && from.Kind == EntryKind.File)
        {
            // A program that runs as its owner must not run as somebody else instead.
            mode = bits & ~SetIdBits;
            Drop(entry, true, LossKind.SetIdBits);
        }
        user = group = null;
    }

    private Timestamp? MapModified(TreeEntry? entry, Timestamp? modified)
    {
        if (!options.PreserveTimes || modified is not { } time || target.Modified is not { } able)
            return null;
        if (options.Epoch is { } epoch && time > epoch)
            time = epoch;
        var stored = able.Round(time);
        Drop(entry, stored != time, time < able.First || time > able.Last ? LossKind.TimesOutOfRange : LossKind.TimesRounded);
        return stored;
    }

    private Timestamp? MapOther(Timestamp? time, TimeCapability? able) =>
        options.PreserveTimes && options.Epoch is null && time is { } value ? able?.Round(value) : null;

    private void Drop(TreeEntry? entry, bool lost, LossKind kind)
    {
        if (lost && entry is not null)
            tally.Lose(kind, entry);
    }
}
