using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The security descriptor that a new file or directory gets from the directory that it is made in.</summary>
/// <remarks>
/// <para>[MS-DTYP] 2.5.3.4, as Windows does it for whoever gives no descriptor. Entries for objects go to files, entries for containers to directories; those
/// for objects alone pass through a directory as inherit-only. CREATOR OWNER and CREATOR GROUP become the new owner and group, generic rights those of files; where
/// such an entry is inherited further, it stays beside what became of it, inherit-only. Entries are marked as inherited where the parent's list is.</para>
/// <para>Where nothing is inherited Windows takes the list of the process's token. There is none here: the owner and SYSTEM get all rights, as in the token of
/// any administrator.</para>
/// </remarks>
internal static class NtfsInheritance
{
    private const byte ObjectInherit = 1, ContainerInherit = 2, NoPropagate = 4, InheritOnly = 8, Inherited = 0x10, InheritanceMask = 0x1F;

    private const uint GenericAll = 0x10000000, GenericExecute = 0x20000000, GenericWrite = 0x40000000, GenericRead = 0x80000000;
    private const uint Generic = GenericAll | GenericExecute | GenericWrite | GenericRead;
    private const uint FileAll = 0x1F01FF, FileExecute = 0x1200A0, FileWrite = 0x120116, FileRead = 0x120089;

    private static readonly byte[] _creatorOwner = Sids.Of(3, 0), _creatorGroup = Sids.Of(3, 1), _system = Sids.Of(5, 18), _administrators = Sids.Of(5, 32, 544),
        _everybody = Sids.Of(1, 0);

    /// <summary>The descriptor of a new file.</summary>
    /// <param name="parent">The directory's, self-relative.</param>
    /// <param name="isDirectory">Whether a directory is made.</param>
    /// <param name="owner">The new owner's SID; empty: the parent's.</param>
    /// <param name="group">The new group's SID; empty: the parent's.</param>
    /// <returns>Null when the parent's is damaged.</returns>
    public static byte[]? Derive(ReadOnlySpan<byte> parent, bool isDirectory, ReadOnlySpan<byte> owner = default, ReadOnlySpan<byte> group = default)
    {
        if (parent.Length < NtfsSecurityDescriptor.Size || parent[0] != 1)
            return null;
        ref readonly var head = ref OnDisk.View<NtfsSecurityDescriptor>(parent);
        var control = (NtfsSecurityControl)(ushort)head.Control;
        if (!TrySid(parent, head.OwnerOffset, ref owner, _administrators) || !TrySid(parent, head.GroupOffset, ref group, owner))
            return null;
        if (!TryEntries(parent, (control & NtfsSecurityControl.AclPresent) != 0 ? head.AclOffset : 0U, out var acl)
            || !TryEntries(parent, (control & NtfsSecurityControl.SystemAclPresent) != 0 ? head.SystemAclOffset : 0U, out var systemAcl))
            return null;

        var made = NtfsSecurityControl.SelfRelative | NtfsSecurityControl.AclPresent;
        var isMarked = (control & NtfsSecurityControl.AclAutoInherited) != 0;
        var entries = Inherit(acl, isDirectory, isMarked, owner, group);
        if (entries.Count == 0)
        {
            entries.Add(Allow(owner));
            if (!owner.SequenceEqual(_system))
                entries.Add(Allow(_system));
        }
        else if (isMarked)
        {
            made |= NtfsSecurityControl.AclAutoInherited;
        }

        isMarked = (control & NtfsSecurityControl.SystemAclAutoInherited) != 0;
        var systemEntries = Inherit(systemAcl, isDirectory, isMarked, owner, group);
        if (systemEntries.Count > 0)
            made |= NtfsSecurityControl.SystemAclPresent | (isMarked ? NtfsSecurityControl.SystemAclAutoInherited : 0);
        var (list, systemList) = (Acl(entries), systemEntries.Count > 0 ? Acl(systemEntries) : []);
        return list is null || systemList is null ? null : Sddl.Build(made, owner.ToArray(), group.ToArray(), systemList, list);
    }

    /// <summary>Whether a descriptor permits nothing else than what follows from the directory's, or everything to everybody: nobody has set it.</summary>
    /// <param name="parent">The directory's, self-relative.</param>
    /// <param name="descriptor">The file's, self-relative. Whose it is does not matter.</param>
    /// <param name="isDirectory">Whether the file is a directory.</param>
    public static bool IsInherited(ReadOnlySpan<byte> parent, ReadOnlySpan<byte> descriptor, bool isDirectory)
    {
        if (!TryLists(descriptor, out var entries, out var systemEntries))
            return false;
        // ntfs-3g gives this to what it makes.
        if (systemEntries.Count == 0 && entries.Count > 0 && entries.TrueForAll(IsAllForEverybody))
            return true;
        ref readonly var head = ref OnDisk.View<NtfsSecurityDescriptor>(descriptor);
        ReadOnlySpan<byte> owner = default, group = default;
        return TrySid(descriptor, head.OwnerOffset, ref owner, default) && TrySid(descriptor, head.GroupOffset, ref group, default)
            && Derive(parent, isDirectory, owner, group) is { } expected && TryLists(expected, out var expectedEntries, out var expectedSystem)
            && AreSame(entries, expectedEntries) && AreSame(systemEntries, expectedSystem);
    }

    // Marks that an entry was inherited do not matter: not all who make files set them.
    private static bool AreSame(List<byte[]> entries, List<byte[]> others)
    {
        if (entries.Count != others.Count)
            return false;
        for (var i = 0; i < entries.Count; i++)
        {
            if (!Unmarked(entries[i]).AsSpan().SequenceEqual(Unmarked(others[i])))
                return false;
        }
        return true;
    }

    private static byte[] Unmarked(byte[] ace) => WithFlags(ace, (byte)(OnDisk.View<NtfsAce>(ace).Flags & ~Inherited));

    private static bool IsAllForEverybody(byte[] ace)
    {
        ref readonly var head = ref OnDisk.View<NtfsAce>(ace);
        return head.Type == 0 && (head.Flags & InheritOnly) == 0 && (Specific(head.Mask) & FileAll) == FileAll && ace.AsSpan(NtfsAce.Size).SequenceEqual(_everybody);
    }

    // False when the descriptor is damaged, or has no list, which is not an empty one.
    private static bool TryLists(ReadOnlySpan<byte> descriptor, out List<byte[]> entries, out List<byte[]> systemEntries)
    {
        (entries, systemEntries) = ([], []);
        if (descriptor.Length < NtfsSecurityDescriptor.Size || descriptor[0] != 1)
            return false;
        ref readonly var head = ref OnDisk.View<NtfsSecurityDescriptor>(descriptor);
        var control = (NtfsSecurityControl)(ushort)head.Control;
        return (control & NtfsSecurityControl.AclPresent) != 0 && head.AclOffset != 0 && TryEntries(descriptor, head.AclOffset, out entries)
            && TryEntries(descriptor, (control & NtfsSecurityControl.SystemAclPresent) != 0 ? head.SystemAclOffset : 0U, out systemEntries);
    }

    private static bool TrySid(ReadOnlySpan<byte> descriptor, uint offset, ref ReadOnlySpan<byte> sid, ReadOnlySpan<byte> otherwise)
    {
        if (!sid.IsEmpty)
            return Sids.LengthOf(sid) == sid.Length;
        if (offset > descriptor.Length)
            return false;
        var length = offset == 0 ? 0 : Sids.LengthOf(descriptor[(int)offset..]);
        sid = length > 0 ? descriptor.Slice((int)offset, length) : otherwise;
        return offset == 0 || length > 0;
    }

    /// <summary>The entries of an access control list.</summary>
    /// <param name="descriptor">What holds it.</param>
    /// <param name="offset">Where it begins, in bytes from the descriptor's start; 0 for none.</param>
    /// <param name="entries">All of them, as they stand.</param>
    /// <returns>False when the list is damaged.</returns>
    public static bool TryEntries(ReadOnlySpan<byte> descriptor, uint offset, out List<byte[]> entries)
    {
        entries = [];
        if (offset == 0)
            return true;
        if (offset > descriptor.Length - NtfsAcl.Size)
            return false;
        var acl = descriptor[(int)offset..];
        ref readonly var head = ref OnDisk.View<NtfsAcl>(acl);
        if (head.Length < NtfsAcl.Size || head.Length > acl.Length)
            return false;
        var at = NtfsAcl.Size;
        for (var i = 0; i < head.Count; i++)
        {
            if (head.Length - at < NtfsAce.Size)
                return false;
            int length = OnDisk.View<NtfsAce>(acl, at).Length;
            if (length < NtfsAce.Size || length > head.Length - at)
                return false;
            entries.Add(acl.Slice(at, length).ToArray());
            at += length;
        }
        return true;
    }

    private static List<byte[]> Inherit(List<byte[]> parent, bool isDirectory, bool isMarked, ReadOnlySpan<byte> owner, ReadOnlySpan<byte> group)
    {
        var entries = new List<byte[]>();
        var mark = isMarked ? Inherited : (byte)0;
        foreach (var ace in parent)
        {
            var flags = OnDisk.View<NtfsAce>(ace).Flags;
            var kept = (byte)(flags & ~InheritanceMask | mark);
            var isApplied = (flags & (isDirectory ? ContainerInherit : ObjectInherit)) != 0 && !IsForOtherObjects(ace);
            var isPassedOn = isDirectory && (flags & (ContainerInherit | ObjectInherit)) != 0 && (flags & NoPropagate) == 0;
            var passed = (byte)(kept | flags & (ObjectInherit | ContainerInherit));
            if (isApplied)
            {
                var applied = Apply(ace, owner, group);
                if (isPassedOn && !applied.AsSpan().SequenceEqual(ace))
                {
                    // What it means here, and what goes on to those below.
                    entries.Add(WithFlags(applied, kept));
                    entries.Add(WithFlags(ace, (byte)(passed | InheritOnly)));
                }
                else
                {
                    entries.Add(WithFlags(applied, isPassedOn ? passed : kept));
                }
            }
            else if (isPassedOn)
            {
                entries.Add(WithFlags(ace, (byte)(passed | InheritOnly)));
            }
        }
        return entries;
    }

    // Object entries may be for children of one class alone, by a GUID; files have none.
    private static bool IsForOtherObjects(ReadOnlySpan<byte> ace) =>
        HasObjectFlags(ace[0]) && ace.Length >= NtfsAce.Size + 4 && (BinaryPrimitives.ReadUInt32LittleEndian(ace[NtfsAce.Size..]) & 2) != 0;

    private static bool HasObjectFlags(byte type) => type is >= 5 and <= 8 or 0x0B or 0x0C or 0x0F or 0x10;

    // Generic rights become those of files, the creator's identifiers those of the new file.
    private static byte[] Apply(byte[] ace, ReadOnlySpan<byte> owner, ReadOnlySpan<byte> group)
    {
        var at = NtfsAce.Size;
        if (HasObjectFlags(ace[0]))
        {
            if (ace.Length < at + 4)
                return ace;
            var which = BinaryPrimitives.ReadUInt32LittleEndian(ace.AsSpan(at));
            at += 4 + ((which & 1) != 0 ? 16 : 0) + ((which & 2) != 0 ? 16 : 0);
        }
        at = Math.Min(at, ace.Length);
        var length = Sids.LengthOf(ace.AsSpan(at));
        var sid = ace.AsSpan(at, length);
        ReadOnlySpan<byte> replaced = sid.SequenceEqual(_creatorOwner) ? owner : sid.SequenceEqual(_creatorGroup) ? group : sid;
        byte[] made = [.. ace.AsSpan(0, at), .. replaced, .. ace.AsSpan(at + length)];
        ref var head = ref OnDisk.Edit<NtfsAce>(made);
        head.Length = (ushort)made.Length;
        head.Mask = Specific(head.Mask);
        return made;
    }

    private static uint Specific(uint mask) => mask & ~Generic
        | ((mask & GenericAll) != 0 ? FileAll : 0) | ((mask & GenericRead) != 0 ? FileRead : 0)
        | ((mask & GenericWrite) != 0 ? FileWrite : 0) | ((mask & GenericExecute) != 0 ? FileExecute : 0);

    private static byte[] WithFlags(byte[] ace, byte flags)
    {
        var made = ace.AsSpan().ToArray();
        OnDisk.Edit<NtfsAce>(made).Flags = flags;
        return made;
    }

    private static byte[] Allow(ReadOnlySpan<byte> sid)
    {
        var ace = new byte[NtfsAce.Size + sid.Length];
        sid.CopyTo(ace.AsSpan(NtfsAce.Size));
        ref var head = ref OnDisk.Edit<NtfsAce>(ace);
        head.Length = (ushort)ace.Length;
        head.Mask = FileAll;
        return ace;
    }

    // Null when it gets longer than a list can be.
    private static byte[]? Acl(List<byte[]> entries)
    {
        // Plain loops: what the framework needs for others is prepared at every start.
        var (length, hasObjects) = (NtfsAcl.Size, false);
        foreach (var entry in entries)
        {
            length += entry.Length;
            hasObjects |= HasObjectFlags(entry[0]);
        }
        if (length > ushort.MaxValue)
            return null;
        var acl = new byte[length];
        ref var head = ref OnDisk.Edit<NtfsAcl>(acl);
        head.Revision = (byte)(hasObjects ? 4 : 2);
        head.Length = (ushort)length;
        head.Count = (ushort)entries.Count;
        var at = NtfsAcl.Size;
        foreach (var entry in entries)
        {
            entry.CopyTo(acl, at);
            at += entry.Length;
        }
        return acl;
    }
}
